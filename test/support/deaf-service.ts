// The service that SIGUSR2 makes deaf, and the next one hearing again: its database answers nothing outside a transaction meanwhile.
import Fastify from 'fastify'
import app, { fastifyOptions } from '../../app.ts'
import { readConfig } from '../../config.ts'

const config = readConfig(process.env)
const server = Fastify(fastifyOptions(config))
await server.register(app, { config })

const { queries } = server.database
let deaf = false
process.on('SIGUSR2', () => { deaf = !deaf })
Object.defineProperty(server.database, 'queries', {
  get () {
    if (deaf) throw server.errors.create('unavailable', { cause: 'deaf' })
    return queries
  }
})
await server.listen({ ...config.listen })
