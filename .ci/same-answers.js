// The answers README.md prints against those that were given, line by line: node same-answers.js SAID GOT
// Members, their order, texts and numbers are compared. Ids and times need to have the same form, and of a text with an
// ellipsis only what stands before it counts.
import { readFileSync } from 'node:fs'

const forms = [/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/]

const [said, got] = process.argv.slice(2).map((file) => readFileSync(file, 'utf8').trim().split('\n'))
const different = said.length === got.length ? said.filter((line, index) => !agree(JSON.parse(line), JSON.parse(got[index]))) : said

for (const line of different) process.stderr.write(`not answered so: ${line}\n`)
process.exitCode = different.length === 0 ? 0 : 1

function agree (said, got) {
  if (typeof said === 'string' && typeof got === 'string') return said === got || forms.some((form) => form.test(said) && form.test(got)) || isBeginning(said, got)
  if (typeof said !== 'object' || said === null || typeof got !== 'object' || got === null) return said === got
  const names = Object.keys(said)
  return names.join() === Object.keys(got).join() && names.every((name) => agree(said[name], got[name]))
}

function isBeginning (said, got) {
  return said.endsWith('…') && said.length > 1 && got.startsWith(said.slice(0, -1)) && got.length > said.length
}
