import type { FastifyPluginAsync } from 'fastify'

/** The last routes: every address that is there, with each method that it does not know. */
const methodNotAllowed: FastifyPluginAsync = async (app) => {
  for (const { url, methods } of app.routeTable.resources()) {
    app.route({
      url,
      method: app.supportedMethods.filter((method) => !methods.includes(method)),
      config: { access: 'public' },
      schema: { hide: true },
      onRequest: () => { throw app.errors.create('method_not_allowed', { headers: { allow: methods.join(', ') } }) },
      handler: () => {}
    })
  }
}

export default methodNotAllowed
