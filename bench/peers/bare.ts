import Fastify from 'fastify'

/** The baseline: Fastify alone, one route, no log. */
const server = Fastify()
server.get('/hello', { schema: { response: { 200: { type: 'object', properties: { message: { type: 'string' } } } } } }, (_request, reply) => {
  reply.send({ message: 'Hello, alice! This is a protected resource.' })
})
await server.listen({ port: Number(process.env.PORT) })
