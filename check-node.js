// The one file of ours that an older Node.js has to read: there, a .ts entry would die before its first line. Hence
// plain JavaScript, loaded ahead of the entry: node --import ./check-node.js server.ts
const current = process.versions.node

if (Number.parseInt(current, 10) < 24) {
  process.stderr.write(`Gatehouse needs Node.js 24 or newer; this is ${current}. "npm ci" brings one: start it with "npm start".\n`)
  process.exit(1)
}
