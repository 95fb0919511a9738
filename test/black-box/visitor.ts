import { randomBytes } from 'node:crypto'
import type { Answer, Client } from './client.ts'

export interface Account {
  username: string
  password: string
}

/** What a check works with: the deployment, and an account of its own there. */
export interface Visitor {
  readonly call: Client
  readonly account: Account
  /** Whether the account was made here, and goes with the run; else it is the operator's, and stays as it is. */
  readonly isOwn: boolean
  /** The answer to the registration; null where the account is the operator's. */
  readonly registered: Answer | null
  signIn (): Promise<Pair>
}

export interface Pair {
  access_token: string
  refresh_token: string
}

/** Throws what does not hold. */
export function holds (condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Error(otherwise)
}

/** Thrown by a check that has nothing to look at here. */
export class NotHere extends Error {}

/** Throws where an answer has another status, or, of an error, another code. */
export function answers (answer: Answer, status: number, code?: string): void {
  const said = typeof answer.json['code'] === 'string' ? ` ${answer.json['code']}` : ''
  holds(answer.status === status && (code === undefined || answer.json['code'] === code), `answered ${answer.status}${said}, not ${status}${code === undefined ? '' : ` ${code}`}`)
}

/** With an account of the operator's, or with a new one; closed registration wants the operator's. */
export async function createVisitor (call: Client, given?: Account): Promise<Visitor> {
  const account = given ?? { username: `conformance-${randomBytes(6).toString('hex')}`, password: randomBytes(18).toString('base64url') }
  const registered = given === undefined ? await call('POST', '/register', { json: account }) : null
  if (registered?.json['code'] === 'registration_closed') throw new Error('registration is closed here: name an account by CONFORMANCE_USERNAME and CONFORMANCE_PASSWORD')
  if (registered !== null && registered.status !== 201) throw new Error(`no account: POST /register answered ${registered.status}`)
  return {
    call,
    account,
    isOwn: given === undefined,
    registered,
    async signIn () {
      const answer = await call('POST', '/login', { json: account })
      if (answer.status !== 200) throw new Error(`no sign-in: POST /login answered ${answer.status}`)
      return answer.json as unknown as Pair
    }
  }
}

/** What a segment of a token says. */
export function segmentOf (token: string, index: number): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[index] as string, 'base64url').toString())
}
