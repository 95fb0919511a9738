import type { FastifyPluginAsync } from 'fastify'

/** Whoever asks for an address by another one gets 404, as for an address that is not there. */
const usual = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'QUERY']

/** The last routes: every address that is there, with each method that it does not know. */
const methodNotAllowed: FastifyPluginAsync = async (app) => {
  for (const { url, methods } of app.routeTable.resources()) {
    const refuse = () => { throw app.errors.create('method_not_allowed', { headers: { allow: methods.join(', ') } }) }
    app.route({
      url,
      method: usual.filter((method) => !methods.includes(method)),
      config: { access: 'public' },
      schema: { hide: true },
      onRequest: refuse,
      handler: refuse
    })
  }
}

export default methodNotAllowed
