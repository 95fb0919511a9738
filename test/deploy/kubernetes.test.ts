import t from 'tap'
import { build } from '../support/build.ts'
import { configured, finish, kubernetesFaults, kubernetesObjects, parse, read, readImage, withFormerKey } from '../support/manifests.ts'

interface Probe {
  httpGet: { path: string, port: string }
  periodSeconds: number
  timeoutSeconds: number
  failureThreshold: number
}

interface Container {
  image: string
  securityContext: object
  env: Array<{ name: string, value: string }>
  ports: Array<{ name: string, containerPort: number }>
  startupProbe: Probe
  livenessProbe: Probe
  readinessProbe: Probe
  resources: { requests: Record<string, string>, limits: Record<string, string> }
  volumeMounts: Array<{ name: string, mountPath: string, readOnly?: boolean }>
}

interface Pod {
  securityContext: object
  automountServiceAccountToken: boolean
  enableServiceLinks: boolean
  terminationGracePeriodSeconds: number
  containers: [Container]
  volumes: Array<{ name: string, secret?: { secretName: string }, emptyDir?: object }>
}

const folder = 'deploy/kubernetes'
const objects = kubernetesObjects(folder)
// biome-ignore lint/suspicious/noExplicitAny: what Kubernetes knows of it is compared with its schemas
const one = (kind: string) => objects.get(kind) as any
const [deployment, service, budget, policy, autoscaler] = ['Deployment', 'Service', 'PodDisruptionBudget', 'NetworkPolicy', 'HorizontalPodAutoscaler'].map(one)
const pod = deployment.spec.template.spec as Pod
const [container] = pod.containers
const image = readImage()
const port = (name: string) => container.ports.find((one) => one.name === name)?.containerPort
const environmentOf = ({ env }: Container) => Object.fromEntries(env.map(({ name, value }) => [name, value]))
const mount = '/run/secrets/gatehouse'
const secrets = {
  [`${mount}/database-url`]: 'postgres://gatehouse:secret@postgres/gatehouse',
  [`${mount}/secret-key`]: 'Zt7mYq2nP9sVx4cKw8Lr3bGd6fHj1aQe',
  [`${mount}/secret-key-previous`]: 'q3WbN8xTz5RkLm7VcP2sYd9hJf4gAe6U'
}

t.test('is what the API allows, member by member', async (t) => {
  t.same([...objects.keys()].sort(), ['Deployment', 'HorizontalPodAutoscaler', 'NetworkPolicy', 'PodDisruptionBudget', 'Service'])
  t.same(await kubernetesFaults([...objects.values()]), [])
})

t.test('is told apart from what the API refuses', async (t) => {
  const doctored = (change: (copy: typeof deployment) => void) => {
    const copy = structuredClone(deployment)
    change(copy)
    return copy
  }
  const faults = await kubernetesFaults([
    doctored((copy) => { delete copy.spec.selector }),
    doctored((copy) => { copy.spec.template.spec.containers[0].readynessProbe = {} }),
    { apiVersion: 'policy/v1', kind: 'Deployment' }
  ])
  t.ok(faults.some((fault) => fault.includes('must have required property selector')))
  t.ok(faults.some((fault) => fault.includes('\'"readynessProbe"\' does not exist')))
  t.ok(faults.includes('there is no policy/v1 Deployment'))
})

t.test('finds its own pods', async (t) => {
  const { labels } = deployment.spec.template.metadata
  for (const selector of [deployment.spec.selector.matchLabels, service.spec.selector, budget.spec.selector.matchLabels, policy.spec.podSelector.matchLabels]) t.match(labels, selector)
  t.match(autoscaler.spec.scaleTargetRef, { apiVersion: deployment.apiVersion, kind: deployment.kind, name: deployment.metadata.name })
  t.notOk('replicas' in deployment.spec, 'how many there are is said in one place')
})

t.test('configures a service that starts, with variables that there are, also while the secret is being changed', async (t) => {
  t.equal(container.image, image.tag)
  const config = configured(t, environmentOf(container), secrets)
  t.match(config.database.postgres, { host: 'postgres', tls: { verify: 'authority-and-name' } })
  t.equal(config.secrets.secretKey, secrets[`${mount}/secret-key`])
  t.match(config.tokens.issuer, /^https:/)
  t.ok(config.http.trustProxy.length > 0)
  const changing = parse(withFormerKey(read(`${folder}/deployment.yaml`)))
  t.same(await kubernetesFaults([changing]), [])
  t.equal(configured(t, environmentOf(changing.spec.template.spec.containers[0]), secrets).secrets.formerKey, secrets[`${mount}/secret-key-previous`])
})

t.test('takes its secrets from files, and holds none', async (t) => {
  const volume = pod.volumes.find(({ secret }) => secret !== undefined)
  t.match(container.volumeMounts.find(({ name }) => name === volume?.name), { mountPath: mount, readOnly: true })
  t.notOk(objects.has('Secret'))
  const given = container.env.filter(({ name, value }) => /SECRET|PASSWORD|PEPPER|DATABASE_URL/.test(name) && !name.endsWith('_FILE') && value !== '')
  t.same(given, [])
})

t.test('gives the pod no more than it needs', async (t) => {
  t.same(pod.securityContext, { runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, fsGroup: 65532, seccompProfile: { type: 'RuntimeDefault' } })
  t.equal(image.user, '65532:65532')
  t.same(container.securityContext, { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } })
  t.same([pod.automountServiceAccountToken, pod.enableServiceLinks], [false, false])
  t.same(container.volumeMounts.filter(({ readOnly }) => readOnly !== true).map(({ mountPath }) => mountPath), ['/tmp'])
  t.match(container.resources, { requests: { cpu: /./, memory: /^\d+Mi$/ }, limits: { cpu: /./, memory: /^\d+Mi$/ } })
})

t.test('names ports that the service listens on', async (t) => {
  const { listen, metrics } = configured(t, environmentOf(container), secrets)
  t.same([port('http'), port('metrics')], [listen.port, metrics.port])
  t.same([image.port, service.spec.ports.map(({ targetPort }: { targetPort: string }) => port(targetPort))], [listen.port, [listen.port]])
  const into = policy.spec.ingress.flatMap(({ ports }: { ports: Array<{ port: string }> }) => ports.map(({ port: name }) => port(name)))
  t.same(into, [listen.port, metrics.port])
  const { postgres } = configured(t, environmentOf(container), secrets).database
  const out = policy.spec.egress.flatMap(({ ports }: { ports: Array<{ port: number }> }) => ports.map(({ port: number }) => number))
  t.same(out, [53, 53, postgres?.port])
})

t.test('asks paths that there are: whether it lives without the database, whether to send requests with it', async (t) => {
  const { startupProbe, livenessProbe, readinessProbe } = container
  t.same([startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet.path), ['/health/live', '/health/live', '/health/ready'])
  const { routeTable } = await build(t)
  for (const { httpGet: { path, port: name } } of [startupProbe, livenessProbe, readinessProbe]) {
    t.ok(routeTable.entries.some(({ method, url }) => method === 'GET' && url === path), path)
    t.equal(port(name), image.port)
  }
  t.ok(readinessProbe.timeoutSeconds > 0.5, 'longer than the database is waited for')
  t.ok(readinessProbe.periodSeconds * readinessProbe.failureThreshold <= 5, 'out before the gateway has sent much')
  t.ok(startupProbe.periodSeconds * startupProbe.failureThreshold >= 600, 'a migration takes the time it takes')
})

t.test('ends a pod later than its drain does, which lasts until the gateway has noticed', async (t) => {
  const { drain } = configured(t, environmentOf(container), secrets)
  t.ok(pod.terminationGracePeriodSeconds * 1000 > drain.delay * 1000 + finish)
  t.ok(drain.delay > container.readinessProbe.periodSeconds * container.readinessProbe.failureThreshold)
})

t.test('keeps serving while pods come and go, within the connections of PostgreSQL', async (t) => {
  const { minReplicas, maxReplicas, metrics } = autoscaler.spec
  const { maxSurge, maxUnavailable } = deployment.spec.strategy.rollingUpdate
  t.ok(minReplicas >= 2)
  t.equal(maxUnavailable, 0)
  t.ok(budget.spec.maxUnavailable < minReplicas)
  t.same(metrics.map(({ resource }: { resource: { name: string } }) => resource.name), ['cpu'])
  const { pool } = configured(t, environmentOf(container), secrets).database
  t.ok((maxReplicas + maxSurge) * (pool + 2) < 97, 'of its default of 100, three of them for superusers')
})
