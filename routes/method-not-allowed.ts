import type { FastifyInstance, FastifyPluginAsync } from 'fastify'

/** Whoever asks for an address by another one gets 404, as for an address that is not there. */
const usual = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'QUERY']

/** The last routes: every address that is there, with each method that it does not know. */
const methodNotAllowed: FastifyPluginAsync = async (app) => {
  const { oauth = [], others = [] } = Object.groupBy(app.routeTable.resources(), ({ url }) => url.startsWith('/oauth/') ? 'oauth' : 'others')
  refuse(app, others)
  await app.register(async (scope) => {
    scope.oauth.speak(scope)
    refuse(scope, oauth)
  })
}

function refuse (app: FastifyInstance, resources: ReturnType<FastifyInstance['routeTable']['resources']>): void {
  for (const { url, methods } of resources) {
    const notAllowed = () => { throw app.errors.create('method_not_allowed', { headers: { allow: methods.join(', ') } }) }
    app.route({
      url,
      method: usual.filter((method) => !methods.includes(method)),
      config: { access: 'public' },
      schema: { hide: true },
      onRequest: notAllowed,
      handler: notAllowed
    })
  }
}

export default methodNotAllowed
