import { lookup } from 'node:dns/promises'
import closeWithGrace from 'close-with-grace'
import Fastify from 'fastify'
import app, { fastifyOptions } from './app.ts'
import { type Config, nearMisses, readConfig } from './config.ts'

/** Milliseconds that draining may take beyond DRAIN_DELAY, before the process ends all the same. */
const closingTime = 4800

/** Threads of libuv's pool for all that is not hashing: files, names, random bytes. */
const sparedThreads = 4

await start(configuration()).catch(fail)

function configuration (): Config {
  try {
    return readConfig(process.env)
  } catch (error) {
    return fail(error)
  }
}

async function start (config: Config): Promise<void> {
  const server = Fastify(fastifyOptions(config))
  const threads = config.hashing.concurrency + sparedThreads
  // libuv reads this when it makes its threads, at the first job for them: none has been given any by now.
  process.env.UV_THREADPOOL_SIZE ??= String(threads)
  if (Number(process.env.UV_THREADPOOL_SIZE) < threads) server.log.warn({ wanted: threads }, 'UV_THREADPOOL_SIZE is small for HASH_CONCURRENCY: hashing can hold up files and names')
  for (const [name, meant] of nearMisses(process.env)) server.log.warn({ name, meant }, 'an environment variable looks like one of ours misspelt: it has no effect')

  closeWithGrace({ delay: config.drain.delay * 1000 + closingTime, logger: undefined }, async ({ signal, err }) => {
    if (err !== undefined) server.log.fatal({ err }, 'an error that nothing handled: the process drains and ends')
    else server.log.info({ signal }, 'draining')
    if (server.hasDecorator('drain')) await server.drain.run(err === undefined ? config.drain.delay : 0)
    await server.close()
  })

  await server.register(app, { config })
  // Looked up here: for "localhost" Fastify would open a second listener, which nothing limits and nothing drains.
  const { address } = await lookup(config.listen.host, { order: 'ipv4first' })
  await server.listen({ host: address, port: config.listen.port })
}

/** One clear text on standard error: what is wrong, and nothing of what was given. */
function fail (error: unknown): never {
  process.stderr.write(`gatehouse: ${(error as Error).message}\n`)
  process.exit(1)
}
