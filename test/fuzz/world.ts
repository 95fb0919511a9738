import type { Test } from 'tap'
import { production } from '../../bench/servers.ts'
import type { TokenReply } from '../../schemas/login.ts'
import { createApi } from '../support/api.ts'
import { alice } from '../support/build.ts'
import { beside, runCli } from '../support/cli.ts'
import { type Service, startService } from '../support/service.ts'
import type { Description, Holdings } from './requests.ts'

/** A service to send things to, described by itself, with somebody signed in and a client registered. */
export async function startWorld (t: Test): Promise<{ service: Service, description: Description, holdings: () => Promise<Holdings> }> {
  const service = await startService(t, { environment: { ...production, LOG_LEVEL: 'info' } })
  const { call, register, login } = createApi(service)
  const { out } = await runCli(beside(service), 'clients', 'create', 'fuzz', '--scope', 'read', '--json')
  const { client_id: id, client_secret: secret } = JSON.parse(out) as Record<'client_id' | 'client_secret', string>
  const { body: description } = await call<Description>('GET', '/openapi.json')
  let number = 0

  /** A name that fuzzing cannot throttle, delete or give another password by chance. */
  async function holdings (): Promise<Holdings> {
    const account = { ...alice, username: `holder-${number++}` }
    await register(account)
    const { body } = await login(account) as { body: TokenReply }
    return { token: body.access_token, refreshToken: body.refresh_token, basic: Buffer.from(`${id}:${secret}`).toString('base64') }
  }

  return { service, description, holdings }
}
