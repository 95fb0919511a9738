// Writes dist/: the verifier as JavaScript, since Node.js strips no types below node_modules, and its types. Run by
// "npm pack" before it packs. dist/ holds what verifier.ts loads and nothing else: no database, no password hash.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, join } from 'node:path'

const root = join(import.meta.dirname, '..')
const read = (path) => readFileSync(join(root, path), 'utf8')
const imported = /^((?:import|export)\b[^'"]*)'(\.[^']*)\.ts'/gm

function write (path, text) {
  const file = join(root, 'dist', path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

/** A file without its types, and then those that it loads. */
function pack (path, packed = new Set()) {
  if (packed.has(path)) return
  packed.add(path)
  const code = stripTypeScriptTypes(read(path)).replaceAll(/[ ]+$/gm, '').replaceAll(/\n{3,}/g, '\n\n').trimStart()
  write(path.replace(/\.ts$/, '.js'), code.replaceAll(imported, "$1'$2.js'"))
  for (const [, , specifier] of code.matchAll(imported)) pack(join(dirname(path), `${specifier}.ts`), packed)
}

/** A declaration as it stands in a source. Its own types alone go out: another service calls its plugins what it likes. */
function declaration (path, pattern) {
  const [found] = pattern.exec(read(path)) ?? []
  if (found === undefined) throw new Error(`${path} declares nothing like ${pattern}`)
  return found
}

const types = `import type { FastifyPluginAsync } from 'fastify'

declare module 'fastify' {
  interface FastifyContextConfig { access?: Access }
  interface FastifyRequest {
    /** The verified caller; reading it on a public route throws. */
    readonly identity: Identity
  }
}

/** Who may call a route. */
${declaration('plugins/access.ts', /^export type Access = .*$/m)}

/** Who a verified token speaks for. */
${declaration('plugins/tokens/verifier.ts', /^export interface Identity \{[^}]*^\}/m)}

${declaration('verifier.ts', /^export interface IntrospectionOptions \{[^}]*^\}/m)}

${declaration('verifier.ts', /^export interface VerifierOptions \{[^}]*^\}/m)}

${declaration('verifier.ts', /^\/\*\*(?:\n \*.*)+\n(?=export default)/m)}declare const verifier: FastifyPluginAsync<VerifierOptions>
export default verifier
`

rmSync(join(root, 'dist'), { recursive: true, force: true })
pack('verifier.ts')
write('verifier.d.ts', types)
