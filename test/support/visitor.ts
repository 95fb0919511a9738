import { alice } from './build.ts'
import type { Service } from './service.ts'

/** What a command is seen to do to a running service, by HTTP alone. */
export function visitorOf ({ url }: Pick<Service, 'url'>) {
  const post = (path: string, payload: object) => fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(payload) })

  async function visit (token: string, path = '/protected'): Promise<number> {
    const { status, body } = await fetch(url + path, { headers: { authorization: `Bearer ${token}` } })
    await body?.cancel()
    return status
  }

  return {
    post,
    visit,
    async register (who: object = alice): Promise<number> {
      const { status, body } = await post('/register', who)
      await body?.cancel()
      return status
    },
    async signIn (who: { username: string, password: string } = alice): Promise<{ status: number, token: string, refreshToken: string }> {
      const reply = await post('/login', who)
      const { access_token: token, refresh_token: refreshToken } = await reply.json() as { access_token: string, refresh_token: string }
      return { status: reply.status, token, refreshToken }
    },
    /** The ids of the published keys. */
    async published (): Promise<string[]> {
      const reply = await fetch(`${url}/.well-known/jwks.json`)
      return (await reply.json() as { keys: Array<{ kid: string }> }).keys.map(({ kid }) => kid)
    },
    /** What a client gets for its secret. */
    async grant (id: string, secret: string): Promise<{ status: number, token: string }> {
      const headers = { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` }
      const reply = await fetch(`${url}/oauth/token`, { method: 'POST', headers, body: new URLSearchParams({ grant_type: 'client_credentials' }) })
      return { status: reply.status, token: (await reply.json() as { access_token: string }).access_token }
    }
  }
}

export function kidOf (token: string): string {
  return JSON.parse(Buffer.from(token.split('.')[0] as string, 'base64url').toString()).kid
}
