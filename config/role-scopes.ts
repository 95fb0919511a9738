/** A role's name: it stands in headers and lists, and never needs quoting. */
const role = /^[\w.:-]{1,64}$/
/** RFC 6749, section 3.3, but for the semicolon that separates roles here. */
const scope = /^[!#-:<-[\]-~]{1,64}$/
/** Characters that all scopes have together, so that the token of somebody who holds every role stays small. */
const longest = 512

/** `role=scope scope;role=…` as each role's scopes. Null where it is anything else, names a role twice, or the scopes are too long together. */
export function readRoleScopes (given: string): Record<string, string[]> | null {
  const parts = given.split(';').map((part) => part.trim()).filter((part) => part !== '')
  const read = parts.map((part) => {
    const [, name = '', list = ''] = /^([^=]*)=(.*)$/.exec(part) ?? []
    return { name: name.trim(), scopes: list.split(' ').filter((word) => word !== '') }
  })
  const all = [...new Set(read.flatMap(({ scopes }) => scopes))]
  const wellFormed = read.every(({ name, scopes }) => role.test(name) && scopes.length > 0 && scopes.every((word) => scope.test(word)))
  const once = new Set(read.map(({ name }) => name)).size === read.length
  return wellFormed && once && all.join(' ').length <= longest ? Object.fromEntries(read.map(({ name, scopes }) => [name, scopes])) : null
}
