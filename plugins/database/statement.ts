import type { Compilable, CompiledQuery, QueryResult } from 'kysely'
import type { Queries } from '../database.ts'

/** Puts a statement together, the same for whatever values it is run with. */
export type Statement<Values, Row> = (queries: Queries, values: Values) => Compilable<Row>

/** What both drivers bind as it is. */
type Bindable = string | number | null

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
 * likes, and must not ask what it is. Throws at its first run where it did.
 */
export async function run<Values extends Record<keyof Values, Bindable>, Row> (statement: Statement<Values, Row>, values: NoInfer<Values>, queries: Queries): Promise<QueryResult<Row>> {
  const query = known(statement, queries) ?? compile(statement, values, queries)
  return queries.executeQuery({ ...query, parameters: bound(query, values) })
}

function known<Values, Row> (statement: Statement<Values, Row>, queries: Queries): CompiledQuery<Row> | undefined {
  return compiled.get(queries.getExecutor().adapter)?.get(statement) as CompiledQuery<Row> | undefined
}

function bound<Values> ({ parameters: places }: CompiledQuery, values: Values): unknown[] {
  return places.map((place) => place instanceof Parameter ? values[place.name as keyof Values] : place)
}

/** Throws where what is built for these very values is another statement. */
function compile<Values, Row> (statement: Statement<Values, Row>, values: Values, queries: Queries): CompiledQuery<Row> {
  const [general, plain] = [parameters as Values, values].map((given) => statement(queries, given).compile()) as [CompiledQuery<Row>, CompiledQuery<Row>]
  const isSame = general.sql === plain.sql && bound(general, values).every((value, index) => Object.is(value, plain.parameters[index]))
  if (!isSame) throw new TypeError(`what is built depends on a value: ${general.sql}`)
  const { adapter } = queries.getExecutor()
  compiled.set(adapter, (compiled.get(adapter) ?? new WeakMap()).set(statement, general))
  return general
}
