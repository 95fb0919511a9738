/** A role's name, as ROLE_SCOPES has them: it stands in headers and lists, and never needs quoting. */
const name = /^[\w.:-]{1,64}$/
const most = 16
/** Characters of all together, a space between each two: with them, an issued token stays below 1.5 KiB. */
const longest = 128

/** Roles as they are kept: each once, in alphabetical order. Null where one is no name, or they are too many or too long together. */
export function heldRoles (asked: readonly string[]): string[] | null {
  const held = [...new Set(asked)].sort()
  return held.every((role) => name.test(role)) && held.length <= most && held.join(' ').length <= longest ? held : null
}
