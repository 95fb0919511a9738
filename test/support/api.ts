import type { TokenReply } from '../../schemas/login.ts'
import type { Service } from './service.ts'

export interface Reply<T = TokenReply> {
  status: number
  body: T
}

/** The service over HTTP, as a client's library calls it. A call rejects where the connection breaks. */
export interface Api {
  call<T> (method: string, path: string, options?: { token?: string, body?: object, headers?: Record<string, string> }): Promise<Reply<T>>
  /** Registers somebody. */
  register (account: { username: string, password: string }): Promise<number>
  login (account: { username: string, password: string }): Promise<Reply>
  /** Signs somebody in who can. */
  signedIn (account: { username: string, password: string }): Promise<TokenReply>
  refresh (token: string, headers?: Record<string, string>): Promise<Reply>
  /** The status that GET /protected has for an access token. */
  visit (token: string): Promise<number>
  logout (token: string, scope?: 'local' | 'others' | 'global'): Promise<number>
}

/** `ask` is what sends and hears. */
export function createApi ({ url }: Pick<Service, 'url'>, ask: typeof fetch = fetch): Api {
  const call: Api['call'] = async (method, path, { token, body, headers = {} } = {}) => {
    const response = await ask(url + path, {
      method,
      headers: { ...headers, ...token === undefined ? {} : { authorization: `Bearer ${token}` }, ...body === undefined ? {} : { 'content-type': 'application/json' } },
      ...body === undefined ? {} : { body: JSON.stringify(body) }
    })
    const text = await response.text()
    return { status: response.status, body: text === '' ? null : JSON.parse(text) }
  }
  const login: Api['login'] = (body) => call('POST', '/login', { body })

  return {
    call,
    login,
    register: async (body) => (await call('POST', '/register', { body })).status,
    async signedIn (account) {
      const { status, body } = await login(account)
      if (status !== 200) throw new Error(`${account.username} cannot sign in: ${status}`)
      return body
    },
    refresh: (token, headers = {}) => call('POST', '/refresh', { body: { refresh_token: token }, headers }),
    visit: async (token) => (await call('GET', '/protected', { token })).status,
    logout: async (token, scope = 'local') => (await call('POST', `/logout?scope=${scope}`, { token })).status
  }
}
