import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { build } from './support/build.ts'
import { refresh, signIn, worth } from './support/calls.ts'
import { commandWith, secretOf } from './support/command.ts'
import { tableOf } from './support/docs.ts'
import { vectors } from './support/foreign-digests.ts'
import { temporaryFolder } from './support/service.ts'

const page = readFileSync(new URL('../docs/operations.md', import.meta.url), 'utf8')
const cli = 'npm run --silent cli -- '

t.test('the lines that nginx needs for an upgrade stand in its configuration', async (t) => {
  const configuration = readFileSync(new URL('../deploy/nginx/nginx.conf', import.meta.url), 'utf8')
  const lines = tableOf(page, 'line').map(([line = '']) => line.replaceAll('`', ''))
  t.ok(lines.length >= 7)
  t.same(lines.filter((line) => !configuration.includes(line)), [])
})

/** Commands that another test or program runs, and a text of that which shows it. */
const elsewhere: Record<string, [file: string, text: string]> = {
  'git clone <this repository> gatehouse && cd gatehouse': ['.ci/newcomer', 'git clone --quiet "$root" "$clone"'],
  'npm ci --omit=dev': ['.ci/newcomer', 'npm ci '],
  'npm start': ['.ci/newcomer', 'npm start '],
  'eval "$(npm run --silent cli -- completion bash)"': ['test/cli/completion.test.ts', '\'completion\', \'bash\''],
  'pg_dump --format=custom --file=gatehouse.dump "$DATABASE_URL"': ['test/faults/dump.test.ts', 'pg_dump'],
  'pg_restore --no-owner --exit-on-error --single-transaction --dbname="$DATABASE_URL" gatehouse.dump': ['test/faults/dump.test.ts', 'pg_restore'],
  [`${cli}migrate --to-file /run/secrets/database-url`]: ['test/cli/migrate.test.ts', '\'migrate\', \'--to-file\'']
}

/** What needs Docker or a cluster, and the test that reads the files that it starts. */
const [compose, kubernetes] = ['test/deploy/compose.test.ts', 'test/deploy/kubernetes.test.ts']
const unrun: Record<string, string> = {
  'mkdir -m 711 deploy/secrets && cd deploy/secrets': compose,
  'openssl rand -hex 32 > database-password': compose,
  'echo "postgres://gatehouse:$(cat database-password)@postgres:5432/gatehouse?sslmode=disable" > database-url': compose,
  'openssl rand -hex 32 > postgres-password': compose,
  'openssl rand -base64 32 > secret-key': compose,
  'chown 65532:65532 database-url secret-key && chown 999:999 database-password postgres-password && chmod 400 *': compose,
  'cd ../.. && PUBLIC_URL=http://localhost docker compose --file deploy/compose.yaml up --build --detach --wait': compose,
  'docker compose --file deploy/compose.yaml up --build --detach --no-deps --wait gatehouse-1': compose,
  'docker compose --file deploy/compose.yaml up --build --detach --no-deps --wait gatehouse-2': compose,
  'kubectl create namespace gatehouse': kubernetes,
  'kubectl label namespace gatehouse pod-security.kubernetes.io/enforce=restricted': kubernetes,
  'kubectl --namespace gatehouse create secret generic gatehouse --from-file=database-url --from-file=secret-key': kubernetes,
  'kubectl --namespace gatehouse apply --filename deploy/kubernetes': kubernetes
}

const commands = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, block = '']) => block.trimEnd().split('\n'))

t.test('every command is run here, or by the test that is named for it, or named as one that is not', async (t) => {
  t.not(commands.length, 0)
  t.same(commands.filter((line) => !line.includes(cli) && elsewhere[line] === undefined && unrun[line] === undefined), [], 'a line of docs/operations.md that nothing runs')
  for (const [line, [file, text]] of Object.entries(elsewhere)) {
    t.ok(commands.includes(line), `${line} is on the page`)
    t.ok(readFileSync(new URL(`../${file}`, import.meta.url), 'utf8').includes(text), `${file} runs it`)
  }
  for (const [line, file] of Object.entries(unrun)) {
    t.ok(commands.includes(line), `${line} is on the page`)
    t.ok(existsSync(new URL(`../${file}`, import.meta.url)), file)
  }
})

t.test('the page can be followed from its first line to its last, beside a service', async (t) => {
  const folder = temporaryFolder(t)
  const environment = { DATABASE_URL: `sqlite:${join(folder, 'data/gatehouse.db')}`, SECRET_KEY: secretOf(), PUBLIC_URL: 'http://127.0.0.1:1' }
  const service = await build(t, { environment })
  await service.inject({ method: 'POST', url: '/register', payload: { username: 'alice', password: 'seven lamps by the harbour wall' } })
  mkdirSync(join(folder, 'backups'))
  writeFileSync(join(folder, 'users.csv'), `username,password_hash\nbob,${vectors.bcrypt.at(-1)?.digest}\n`)
  const { client: { id } } = await service.clients.create('billing', [])

  for (const line of commands.filter((one) => elsewhere[one] === undefined && unrun[one] === undefined)) {
    const [, called = ''] = /^\(?(?:umask 077; )?npm run --silent cli -- (.*?)(?: > users\.jsonl\))?$/.exec(line) ?? []
    const words = called.replace('$(date +%F)', '2026-03-01').replace('KID', String(service.keys.list().at(-1)?.kid)).replace('CLIENT_ID', id)
      .replace('/backups/', `${folder}/backups/`).replace('users.csv', `${folder}/users.csv`).split(' ')
    const { code, out, err } = await commandWith({ environment, input: 'nine boats on a quiet river\n' }, ...words)
    t.strictSame({ code, err }, { code: 0, err: '' }, line)
    t.not(out, '', `${line} says what it did`)
  }
  t.match((await service.inject({ method: 'GET', url: '/health/ready' })).statusCode, 200)
  await signIn(await build(t, { environment }), { username: 'root', password: 'nine boats on a quiet river' })
})

t.test('what a stolen key, a stolen database and a lost secret ask for', async (t) => {
  const folder = temporaryFolder(t)
  const at = (name: string, secret: string) => ({ DATABASE_URL: `sqlite:${join(folder, name)}`, SECRET_KEY: secret })
  const secret = secretOf()
  const alice = { username: 'alice', password: 'seven lamps by the harbour wall' }
  const service = await build(t, { environment: at('a.db', secret) })
  await service.inject({ method: 'POST', url: '/register', payload: alice })
  const hers = await signIn(service, alice)
  await commandWith({ environment: at('a.db', secret) }, 'backup', join(folder, 'stolen.db'))
  copyFileSync(join(folder, 'stolen.db'), join(folder, 'bare.db'))

  t.match(await commandWith({ environment: at('bare.db', secretOf()) }, 'keys', 'export'), { code: 1, out: '' }, 'the database alone opens nothing')

  const thief = await build(t, { environment: at('stolen.db', secret) })
  const forged = await signIn(thief, alice)
  t.equal(await worth(service, forged), 200, 'with the secret, the thief signs what is believed')

  const kid = service.keys.active().kid
  t.equal((await commandWith({ environment: at('a.db', secret) }, 'keys', 'revoke', kid)).code, 0)
  await service.jobs.run('keys')
  t.strictSame([await worth(service, forged), await worth(service, hers)], [401, 401], 'the key is refused, whoever used it')
  t.equal((await refresh(service, hers.refresh_token)).statusCode, 200, 'and sessions go on')

  t.equal((await refresh(thief, hers.refresh_token)).statusCode, 200, 'the thief can do so too')
  await service.close()
  const fresh = secretOf()
  t.match(await commandWith({ environment: at('a.db', fresh) }, 'keys', 'list'), { code: 1, err: /keys reset --yes/ }, 'a lost secret is the same as a new one')
  t.match(await commandWith({ environment: at('a.db', fresh) }, 'keys', 'reset', '--yes'), { code: 0, out: /sessions ended: 1\.\n$/ })
  const after = await build(t, { environment: at('a.db', fresh) })
  t.strictSame([await worth(after, forged), (await refresh(after, hers.refresh_token)).statusCode, (await refresh(after, forged.refresh_token)).statusCode], [401, 401, 401])
  t.equal(await worth(after, await signIn(after, alice)), 200, 'with the password of before')
})
