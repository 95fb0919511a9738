// The service, and who makes it die: a refresh with the header `x-dies` kills the process with nothing said to anybody, either
// while its transaction is open or after the commit and before the reply.
import Fastify from 'fastify'
import app, { fastifyOptions } from '../../app.ts'
import { readConfig } from '../../config.ts'

const config = readConfig(process.env)
const server = Fastify(fastifyOptions(config))
let moment: string | undefined

const die = () => process.kill(process.pid, 'SIGKILL')

server.addHook('onRequest', async (request) => { moment = request.headers['x-dies'] as string | undefined })
server.addHook('onSend', async () => { if (moment === 'after the commit') die() })
await server.register(app, { config })

const { sessions } = server
const { refresh } = sessions
sessions.refresh = async (...args) => {
  const refreshed = await refresh(...args)
  if (moment === 'before the commit') die()
  return refreshed
}
await server.listen({ ...config.listen })
