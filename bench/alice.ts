export const alice = { username: 'alice', password: 'correct horse battery staple' }

export interface TokenReply {
  access_token: string
  refresh_token: string
}

export async function registerAlice (url: string): Promise<void> {
  await post(url, '/register', alice, 201)
}

export async function signInAlice (url: string): Promise<TokenReply> {
  return await post(url, '/login', alice, 200) as TokenReply
}

/** The answer to a call. Throws where its status is another one. */
export async function post (url: string, path: string, body: object, status: number): Promise<unknown> {
  const response = await fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  if (response.status !== status) throw new Error(`${path} answered ${response.status}: ${await response.text()}`)
  return response.json()
}
