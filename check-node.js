// What has to be so before the entry is loaded: node --import ./check-node.js server.ts
// The one file of ours that an older Node.js has to read: there, a .ts entry would die before its first line. Hence plain
// JavaScript, and nothing imported ahead of the check.
const current = process.versions.node

const [major, minor] = current.split('.').map(Number)

// The oldest that have all of node: modules that are imported, crypto.randomUUIDv7() last.
if (major < 24 || major === 25 || (major === 24 && minor < 16) || (major === 26 && minor < 1)) {
  process.stderr.write(`Gatehouse needs Node.js 24.16, 26.1 or newer; this is ${current}. "npm ci" brings one: start it with "npm start".\n`)
  process.exit(1)
}

// What was compiled, types taken out, is kept for the next start. Beside the packages, where nobody writes but who installed them; the image
// has it from where it was built, for whoever may read it.
process.getBuiltinModule('node:module').enableCompileCache({ directory: `${import.meta.dirname}/node_modules/.cache/compiled`, portable: true })

// argon2 asks the environment for its build when it is loaded, so it is told before anything loads it.
const { argon2Build } = await import('./argon2-build.ts')
const build = argon2Build(`${import.meta.dirname}/native`)
if (build !== null) process.env.ARGON2_PREBUILD ??= build
