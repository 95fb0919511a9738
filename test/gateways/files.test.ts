import { readdirSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import t from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { readConfig } from '../../config.ts'
import { cloudFormationFaults } from '../support/cloudformation.ts'
import { envoyFaults } from '../support/envoy.ts'
import { type KubernetesObject, kubernetesFaults } from '../support/manifests.ts'
import { page, rowsNotRun } from './matrix.ts'
import { fenced, readDeployed } from './programs.ts'
import { issuer } from './world.ts'

/** The folders of gateways, and the files in them that name addresses. */
const folders: Record<string, string[]> = {
  nginx: ['nginx.conf'], haproxy: ['haproxy.cfg', 'haproxy-verify.cfg', 'verify.lua'], caddy: ['Caddyfile'], apache: ['httpd.conf'], traefik: ['traefik.yml', 'dynamic.yml'],
  envoy: ['ext-authz.yaml', 'jwt-authn.yaml'], kong: ['kong.yml'], istio: ['gatehouse.yaml'], aws: ['template.yaml']
}
/** Those that verify by themselves, and name the issuer therefore. */
const verifying = ['haproxy.cfg', 'httpd.conf', 'jwt-authn.yaml', 'kong.yml', 'gatehouse.yaml', 'template.yaml']
const names = ['User-Id', 'Username', 'Session-Id', 'Client-Id', 'Roles', 'Scopes'].map((name) => `X-Auth-${name}`)
const every = Object.entries(folders).flatMap(([folder, files]) => files.map((file) => ({ folder, file, text: readDeployed(`${folder}/${file}`) })))
const connectionManager = 'envoy.extensions.filters.network.http_connection_manager.v3'
const documents = (path: string) => parseAllDocuments(readDeployed(path)).map((document) => {
  t.same(document.errors, [], path)
  return document.toJS()
})

t.test('each gateway has its files, a README of one screen and the variables that belong to it', async (t) => {
  for (const [folder, files] of Object.entries(folders)) {
    t.same(readdirSync(new URL(`../../deploy/${folder}`, import.meta.url)).filter((name) => name !== 'fetch-keys').sort(), [...files, 'README.md', 'gatehouse.env'].sort(), folder)
    const readme = readDeployed(`${folder}/README.md`)
    t.ok(readme.split('\n').length < (folder === 'nginx' ? 66 : 55), `${folder}: as long as is read`)
    for (const said of ['gatehouse.env', 'TRUST_PROXY', '/admin', '/metrics', '/verify', 'preflight', '## What ']) t.ok(readme.includes(said), `${folder}/README.md says ${said}`)
    t.match(readme, /change of keys needs nothing|\*\*Keys/, `${folder}/README.md says how keys change`)
    t.match(readme, /refused at once|believed until it expires/, `${folder}/README.md says when an ending is felt`)
    const variables = parseEnv(readDeployed(`${folder}/gatehouse.env`)) as Record<string, string>
    const { http, keys, tokens } = readConfig({ ...variables, DATABASE_URL: 'sqlite::memory:' }) as unknown as Record<string, Record<string, unknown>>
    t.ok(http && keys && tokens, 'the service takes them')
    t.equal(variables['PUBLIC_URL'], issuer)
    t.ok((variables['TRUST_PROXY'] ?? '').length > 0)
  }
})

t.test('each file names the service, the application, the six headers, and where it verifies the issuer', async (t) => {
  for (const { folder, file, text } of every.filter(({ file }) => !['traefik.yml', 'verify.lua'].includes(file))) {
    if (folder !== 'aws') {
      t.match(text, /gatehouse(?::3000|[^\n]*\b(?:3000)\b)/, `${file}: gatehouse:3000`)
      t.match(text, /app(?::8080|[^\n]*\b8080\b)/, `${file}: app:8080`)
    }
    t.equal(new RegExp(`[ :]${issuer}(?:\\s|$)|"${issuer}`).test(text), verifying.includes(file), `${file}: the issuer`)
    if (file !== 'ext-authz.yaml') t.same(names.filter((name) => !text.toLowerCase().includes(name.toLowerCase()) && !(folder === 'istio' && name === 'X-Auth-Roles')), [], file)
    t.notMatch(text, /BEGIN (?:EC |RSA )?PRIVATE/, 'no secret')
  }
})

t.test('what is not run is at least well formed, and says what matters', async (t) => {
  t.test('Traefik', async (t) => {
    const { http: { routers, middlewares } } = parse(readDeployed('traefik/dynamic.yml'))
    t.same(routers.app.middlewares, ['strip', 'verify'])
    t.same(routers.admin.middlewares, ['strip', 'verify-admin'])
    t.equal(middlewares.verify.forwardAuth.address, 'http://gatehouse:3000/verify')
    t.equal(middlewares['verify-admin'].forwardAuth.address, 'http://gatehouse:3000/verify?role=admin')
    for (const name of ['verify', 'verify-admin']) t.match(middlewares[name].forwardAuth, { authResponseHeaders: names, authRequestHeaders: ['Authorization'], trustForwardHeader: false })
    t.equal(Object.keys(middlewares.strip.headers.customRequestHeaders).length, 39)
    t.match(parse(readDeployed('traefik/traefik.yml')), { entryPoints: { web: { forwardedHeaders: { insecure: false } } }, api: { insecure: false } })
  })

  t.test('Envoy', async (t) => {
    for (const [file, filters] of [['ext-authz.yaml', ['lua', 'ext_authz', 'rbac', 'router']], ['jwt-authn.yaml', ['lua', 'jwt_authn', 'lua.claims', 'router']]] as const) {
      const { static_resources: { listeners: [{ filter_chains: [{ filters: [{ typed_config: manager }] }] }], clusters } } = parse(readDeployed(`envoy/${file}`))
      t.same(manager.http_filters.map(({ name }: { name: string }) => name), filters.map((name) => `envoy.filters.http.${name}`), file)
      t.match(manager, { normalize_path: true, merge_slashes: true, path_with_escaped_slashes_action: 'REJECT_REQUEST', use_remote_address: true, common_http_protocol_options: { headers_with_underscores_action: 'REJECT_REQUEST' }, upgrade_configs: [{ upgrade_type: 'websocket' }] })
      t.same(clusters.map(({ name }: { name: string }) => name), ['app', 'gatehouse'])
      const [guarded, open] = manager.route_config.virtual_hosts[0].routes
      t.match(guarded, { match: { prefix: '/api/' }, route: { cluster: 'app' } })
      t.notOk('typed_per_filter_config' in guarded)
      t.equal(open.route.cluster, 'gatehouse')
      const guard = manager.http_filters[1].typed_config
      if (file === 'ext-authz.yaml') t.match(guard, { failure_mode_allow: false, http_service: { path_prefix: '/verify', authorization_response: { allowed_upstream_headers: { patterns: [{ prefix: 'x-auth-' }] } } } })
      else t.match(guard, { providers: { gatehouse: { issuer, audiences: ['api'], from_headers: [{ name: 'Authorization' }] } }, rules: [{ match: { prefix: '/api/' }, requires: { provider_name: 'gatehouse' } }] })
    }
  })

  t.test('Kong', async (t) => {
    const { services: [app, gatehouse], consumers } = parse(readDeployed('kong/kong.yml'))
    t.same(app.plugins.map(({ name }: { name: string }) => name), ['pre-function', 'jwt', 'post-function'])
    t.match(app.plugins[1].config, { key_claim_name: 'kid', claims_to_verify: ['exp'], header_names: ['authorization'], uri_param_names: [], cookie_names: [] })
    t.equal(consumers[0].jwt_secrets[0].algorithm, 'ES256')
    t.equal(gatehouse.plugins, undefined)
  })

  t.test('Istio', async (t) => {
    const kinds = documents('istio/gatehouse.yaml')
    t.same(kinds.map(({ kind }) => kind), ['RequestAuthentication', 'AuthorizationPolicy', 'EnvoyFilter', 'VirtualService', 'Gateway'])
    t.match(kinds[0].spec.jwtRules, [{ issuer, audiences: ['api'], fromHeaders: [{ name: 'Authorization' }] }])
    t.equal(kinds[1].spec.action, 'ALLOW')
    for (const rule of kinds[1].spec.rules.slice(0, 2)) t.match(rule, { from: [{ source: { requestPrincipals: [`${issuer}/*`] } }] })
  })

  t.test('AWS', async (t) => {
    // !Ref and !Sub are CloudFormation's own.
    const { Resources: resources } = parse(readDeployed('aws/template.yaml').replaceAll(/!(?:Ref|Sub) /g, ''))
    t.match(resources.Users.Properties, { AuthorizerType: 'JWT', JwtConfiguration: { Issuer: issuer, Audience: ['api'] } })
    const routes = Object.values(resources as Record<string, { Type: string, Properties: Record<string, string> }>).filter(({ Type }) => Type === 'AWS::ApiGatewayV2::Route').map(({ Properties }) => Properties)
    t.same(routes.filter(({ Target = '' }) => Target.includes('Application')).map(({ RouteKey, AuthorizationType }) => [RouteKey, AuthorizationType]), [['ANY /api/{proxy+}', 'JWT'], ['ANY /api/admin', 'JWT'], ['ANY /api/admin/{proxy+}', 'JWT']])
    t.same(routes.filter(({ RouteKey = '' }) => / \/(?:admin|verify|metrics)/.test(RouteKey)), [])
    t.equal((parseEnv(readDeployed('aws/gatehouse.env')) as Record<string, string>)['SIGNING_ALG'], 'RS256')
  })
})

/** A text with another in the place of one that stands in it, once or more often. */
function doctored (text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`there is no ${from}`)
  return text.replaceAll(from, () => to)
}

t.test('docs/gateways.md says of each that is not run how it is held', async (t) => {
  const lines = readFileSync(page, 'utf8').split('\n')
  t.same(lines.filter((line) => line.includes('| not run')), rowsNotRun)
})

t.test('what is not run is what the schemas of its makers allow, where a package carries them', async (t) => {
  t.test('Envoy: Bootstrap and the filters in it', async (t) => {
    const faults = (text: string) => envoyFaults('envoy.config.bootstrap.v3.Bootstrap', parse(text))
    const [asking, verifying] = ['envoy/ext-authz.yaml', 'envoy/jwt-authn.yaml'].map(readDeployed) as [string, string]
    for (const text of [asking, verifying]) t.same(faults(text), [])
    const [cors = ''] = fenced('envoy/README.md', 'yaml')
    t.same(envoyFaults('envoy.config.route.v3.VirtualHost', { name: 'public', domains: ['*'], ...parse(cors) }), [], 'and the block of the README')

    for (const [text, from, to, fault] of [
      [asking, 'failure_mode_allow: false', 'failure_mode_alow: false', /failure_mode_alow is not known to envoy.extensions.filters.http.ext_authz.v3.ExtAuthz$/],
      [asking, 'failure_mode_allow: false', 'failure_mode_allow: "false"', /failure_mode_allow is no bool$/],
      [asking, 'path_with_escaped_slashes_action: REJECT_REQUEST', 'path_with_escaped_slashes_action: REFUSE', /is none of IMPLEMENTATION_SPECIFIC_DEFAULT, /],
      [asking, 'timeout: 2s', 'timeout: 2', /timeout is no duration$/],
      [asking, 'stat_prefix: public', 'access_log: []', /lacks stat_prefix$/],
      [asking, 'http.ext_authz.v3.ExtAuthz\n', 'http.ext_authz.v3.ExternalAuthz\n', /which is not known$/],
      [verifying, 'audiences: [api]', 'audiences: api', /audiences is no list$/],
      [verifying, 'route: { cluster: app }', 'route: { cluster: app, cluster_header: x }', /has more than one of cluster, cluster_header/],
      [verifying, 'clock_skew_seconds: 5', 'clock_skew_seconds: -5', /clock_skew_seconds is no uint32$/]
    ] as const) t.match(faults(doctored(text, from, to)).find((one) => fault.test(one)), fault, to)
  })

  t.test('Istio: its custom resources, and what they patch into Envoy', async (t) => {
    const text = readDeployed('istio/gatehouse.yaml')
    const objects = (text: string): KubernetesObject[] => parseAllDocuments(text).map((document) => document.toJS())
    t.same(await kubernetesFaults(objects(text)), [])
    const patched = (text: string) => objects(text).filter(({ kind }) => kind === 'EnvoyFilter').flatMap((filter) => {
      const { spec: { configPatches } } = filter as unknown as { spec: { configPatches: Array<{ patch: { operation: string, value: unknown } }> } }
      return configPatches.flatMap(({ patch: { operation, value } }) => operation === 'MERGE' ? envoyFaults('envoy.config.listener.v3.Filter', value, { whole: false }) : envoyFaults(`${connectionManager}.HttpFilter`, value))
    })
    t.same(patched(text), [])
    t.match(patched(doctored(text, 'merge_slashes: true', 'merge_slash: true')), [/merge_slash is not known/])
    t.match(patched(doctored(text, 'inline_string: |', 'inline_strings: |')), [/inline_strings is not known/])

    const faults = await kubernetesFaults(['jwksUri: http', 'audiences: [api]', 'action: ALLOW'].flatMap((from, number) => objects(doctored(text, from, ['jwksUrl: http', 'audiences: api', 'action: PERMIT'][number] as string))))
    for (const fault of [/jwksUrl.* does not exist/, /audiences must be array/, /action must be equal to one of/]) t.ok(faults.some((one) => fault.test(one)), `${fault}`)
  })

  t.test('Traefik: the middlewares, as its custom resource has them', async (t) => {
    const middlewares = (text: string) => Object.entries<object>(parse(text).http.middlewares).map(([name, spec]) => ({ apiVersion: 'traefik.io/v1alpha1', kind: 'Middleware', metadata: { name }, spec }))
    const text = readDeployed('traefik/dynamic.yml')
    const [cors = ''] = fenced('traefik/README.md', 'yaml')
    const { http: { encodedCharacters } } = parse(readDeployed('traefik/traefik.yml')).entryPoints.web
    const doctoredOnes = [['trustForwardHeader: false', 'trustForwardHeader: "no"'], ['authRequestHeaders:', 'authRequestHeader:'], ['customRequestHeaders:', 'customHeaders:']] as const
    t.same(await kubernetesFaults([...middlewares(text), ...middlewares(`http:\n  middlewares:\n${cors}`), { apiVersion: 'traefik.io/v1alpha1', kind: 'Middleware', metadata: { name: 'entry-point' }, spec: { encodedCharacters } } as KubernetesObject]), [])
    const faults = await kubernetesFaults(doctoredOnes.flatMap(([from, to]) => middlewares(doctored(text, from, to))))
    for (const fault of [/trustForwardHeader must be boolean/, /authRequestHeader.* does not exist/, /customHeaders.* does not exist/]) t.ok(faults.some((one) => fault.test(one)), `${fault}`)
  })

  t.test('AWS: the resources, as CloudFormation specifies them', async (t) => {
    const text = readDeployed('aws/template.yaml')
    t.same(await cloudFormationFaults(text), [])
    for (const [from, to, fault] of [
      ['DisableExecuteApiEndpoint: true', 'DisableExecuteApiEndpoints: true', 'Api.DisableExecuteApiEndpoints is not known'],
      ['DisableExecuteApiEndpoint: true', 'DisableExecuteApiEndpoint: "yes"', 'Api.DisableExecuteApiEndpoint is no boolean'],
      ['        Audience: [api]', '        Audience: api', 'Users.JwtConfiguration.Audience is no list'],
      ['        Issuer:', '        Issuers:', 'Users.JwtConfiguration.Issuers is not known'],
      ['AuthorizerId: !Ref Users', 'AuthorizerId: !Ref User', 'Guarded.AuthorizerId leads to User, which is not there'],
      ['{Application}', '{Applications}', 'Guarded.Target leads to Applications, which is not there'],
      ['IntegrationType: HTTP_PROXY', 'Description: x', 'Application lacks IntegrationType'],
      ['AWS::ApiGatewayV2::Authorizer', 'AWS::ApiGatewayV2::Authoriser', 'Users is of the type AWS::ApiGatewayV2::Authoriser, which is not known'],
      ['Resources:', 'Resource:', 'there is no section Resource']
    ] as const) t.ok((await cloudFormationFaults(doctored(text, from, to)).catch((error: Error) => [error.message])).includes(fault), fault)
  })
})
