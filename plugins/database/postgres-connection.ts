import { type ClientConfig, types } from 'pg'

/** Where a PostgreSQL database is, and how its server is believed. */
export interface PostgresAddress {
  host: string
  port: number
  database: string
  user: string
  password: string
  /** Null where nothing is encrypted. `authority` holds certificates in PEM; without it those that Node.js trusts count. */
  tls: { verify: 'nothing' | 'authority' | 'authority-and-name', authority: string | null } | null
}

export interface ConnectionOptions {
  address: PostgresAddress
  /** Milliseconds until connecting has failed. */
  connectTime: number
  /** Milliseconds a statement may take, its wait for locks included; null for any time. */
  statementTime: number | null
  /** Milliseconds a transaction may stand idle, with the locks it holds. */
  idleTime: number
}

/** The type of PostgreSQL that `bigint`, a sequence and `count()` have. */
const int8 = 20
/** Milliseconds of silence after which a connection is probed, so that one that a firewall forgot is found. */
const probeAfter = 30_000

/**
 * How a connection is made, for the pool and for whoever needs one of its own. Everything is said: what is left out, pg
 * would take from PG… variables or ~/.pgpass.
 */
export function connectionConfig ({ address, connectTime, statementTime, idleTime }: ConnectionOptions): ClientConfig {
  const { host, port, database, user, password, tls } = address
  return {
    host,
    port,
    database,
    user,
    password: () => password,
    ssl: tls === null ? false : tlsOptions(tls),
    sslnegotiation: 'postgres',
    application_name: 'gatehouse',
    client_encoding: 'UTF8',
    options: [`-c statement_timeout=${statementTime ?? 0}`, `-c idle_in_transaction_session_timeout=${idleTime}`].join(' '),
    connectionTimeoutMillis: connectTime,
    keepAlive: true,
    keepAliveInitialDelayMillis: probeAfter,
    types: { getTypeParser: (oid: number, format: 'text') => oid === int8 ? exactInteger : types.getTypeParser(oid, format) }
  } as ClientConfig
}

function tlsOptions ({ verify, authority }: NonNullable<PostgresAddress['tls']>): NonNullable<ClientConfig['ssl']> {
  const ca = authority === null ? {} : { ca: authority }
  if (verify === 'nothing') return { rejectUnauthorized: false }
  return verify === 'authority' ? { ...ca, checkServerIdentity: () => undefined } : ca
}

/** Throws where an integer would have to be rounded, as node:sqlite does. */
function exactInteger (text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError('an integer in the database is too large to be read exactly')
  return value
}
