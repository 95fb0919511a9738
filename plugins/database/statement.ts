import type { Compilable, CompiledQuery, QueryResult } from 'kysely'
import type { Queries } from '../database.ts'

/** Puts a statement together, for whatever values it is run with. */
export type Statement<Values, Row> = (queries: Queries, values: Values) => Compilable<Row>

/** Stands in a statement for the value of this name that a run binds there. */
class Parameter {
  readonly name: PropertyKey

  constructor (name: PropertyKey) {
    this.name = name
  }

  [Symbol.toPrimitive] (): never {
    throw new TypeError(`${String(this.name)} is bound by each run and cannot be looked at`)
  }
}

const parameters = new Proxy({}, { get: (_, name) => new Parameter(name) })

/** By statement and by what is one and the same for a database and all its transactions. */
const compiled = new WeakMap<object, WeakMap<object, CompiledQuery<unknown>>>()

/**
 * Runs a statement that is built and compiled once for each database, as what runs again and again should be: Kysely takes longer to
 * put a short one together than SQLite to run it. It gets parameters in the stead of values: it may bind each as often as it
 * likes, and must not ask what it is, since what it makes is the same for all.
 */
export function run<Values extends object, Row> (statement: Statement<Values, Row>, values: Values, queries: Queries): Promise<QueryResult<Row>> {
  const { sql, query, queryId, parameters: bound } = compile(statement, queries)
  return queries.executeQuery({ sql, query, queryId, parameters: bound.map((value) => value instanceof Parameter ? values[value.name as keyof Values] : value) })
}

function compile<Values, Row> (statement: Statement<Values, Row>, queries: Queries): CompiledQuery<Row> {
  const { adapter } = queries.getExecutor()
  const known = compiled.get(adapter)?.get(statement)
  if (known !== undefined) return known as CompiledQuery<Row>
  const made = statement(queries, parameters as Values).compile()
  compiled.set(adapter, (compiled.get(adapter) ?? new WeakMap()).set(statement, made))
  return made
}
