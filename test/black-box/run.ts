import { checks } from './checks.ts'
import { createClient } from './client.ts'
import { type Account, answers, createVisitor, NotHere, type Visitor } from './visitor.ts'

export interface Result {
  name: string
  outcome: 'holds' | 'fails' | 'not here' | 'not asked'
  /** What was seen instead, or why there was nothing to see. */
  detail: string
  milliseconds: number
}

export interface RunOptions {
  destructive: boolean
  /** An account of the operator's, where registration is closed. */
  account?: Account | undefined
}

/** Whether what is at a URL keeps what the service promises. An account that was made for it goes at the end. */
export async function runConformance (baseUrl: string, { destructive, account }: RunOptions): Promise<Result[]> {
  const visitor = await createVisitor(createClient(baseUrl), account)
  const results: Result[] = []
  try {
    for (const { name, run, destructive: spends = false } of checks) {
      if (spends && !destructive) results.push({ name, outcome: 'not asked', detail: 'asked by --destructive', milliseconds: 0 })
      else results.push(await judged(name, () => run(visitor)))
    }
  } finally {
    if (visitor.isOwn) results.push(await judged('the account goes, and its tokens with it', () => leave(visitor)))
  }
  return results
}

async function judged (name: string, run: () => Promise<void>): Promise<Result> {
  const begun = performance.now()
  const result = (outcome: Result['outcome'], detail = '') => ({ name, outcome, detail, milliseconds: Math.round(performance.now() - begun) })
  try {
    await run()
    return result('holds')
  } catch (error) {
    return result(error instanceof NotHere ? 'not here' : 'fails', (error as Error).message)
  }
}

async function leave ({ call, account, signIn }: Visitor): Promise<void> {
  const { access_token: token } = await signIn()
  answers(await call('DELETE', '/me', { token, json: { password: account.password } }), 204)
  answers(await call('GET', '/protected', { token }), 401, 'invalid_token')
}
