import type { Chance } from './chance.ts'
import type { Members } from './seeds.ts'

/** A JSON object written again: as another text for the same, for something else, or for nothing at all. */
export type Spelling = (members: Members, chance: Chance) => string | Buffer

const names = (members: Members, chance: Chance) => chance.pick(Object.keys(members))

/** With one more member, at either end. */
function extended (members: Members, member: string, chance: Chance): string {
  const text = JSON.stringify(members)
  return chance.once(2) ? `{${member},${text.slice(1)}` : `${text.slice(0, -1)},${member}}`
}

function shuffled (members: Members, chance: Chance): Members {
  const entries = Object.entries(members)
  for (let last = entries.length - 1; last > 0; last--) {
    const other = chance.below(last + 1)
    const kept = entries[last] as [string, unknown]
    entries[last] = entries[other] as [string, unknown]
    entries[other] = kept
  }
  return Object.fromEntries(entries)
}

/** A text with one of its letters as an escape. */
function escaped (text: string, chance: Chance): string {
  const at = chance.below(text.length)
  const code = text.charCodeAt(at).toString(16).padStart(4, '0')
  return `${text.slice(0, at)}\\u${chance.once(2) ? code : code.toUpperCase()}${text.slice(at + 1)}`
}

const gaps = [' ', '\n', '\t', '\r\n', '  ', '\u00a0', '\u000b', '/**/', '\ufeff', '']
const numbers = ['1e999', '-1e999', '1E3', '-0', '00', '01', '0x10', '1.', '.5', '1e', '+1', 'NaN', 'Infinity', '1.0', '9007199254740993', '1_0', '"1"', '9'.repeat(400)]

export const spellings: Record<string, Spelling> = {
  'as it was': (members) => JSON.stringify(members),
  'in another order': (members, chance) => JSON.stringify(shuffled(members, chance)),
  'a member twice': (members, chance) => {
    const name = names(members, chance)
    return extended(members, `${JSON.stringify(name)}:${JSON.stringify(members[chance.once(2) ? name : names(members, chance)])}`, chance)
  },
  'a member twice, once escaped': (members, chance) => {
    const name = names(members, chance)
    return extended(members, `"${escaped(name, chance)}":${JSON.stringify(members[name])}`, chance)
  },
  'a name escaped': (members, chance) => {
    const name = names(members, chance)
    return JSON.stringify(members).replace(`"${name}":`, `"${escaped(name, chance)}":`)
  },
  'a value escaped': (members, chance) => {
    const value = members[names(members, chance)]
    return typeof value === 'string' && value !== '' ? JSON.stringify(members).replace(`"${value}"`, () => `"${escaped(value, chance)}"`) : JSON.stringify(members)
  },
  'with gaps': (members, chance) => JSON.stringify(members).replace(/[{}[\],:]/g, (mark) => chance.once(4) ? chance.pick(gaps) + mark + chance.pick(gaps) : mark),
  'indented': (members) => JSON.stringify(members, null, 2),
  'a number written otherwise': (members, chance) => JSON.stringify(members).replace(/:\d+/, (number) => chance.once(3) ? `${number}.0` : chance.once(3) ? `${number.slice(0, -2)}.${number.slice(-2)}e2` : `:${chance.pick(numbers)}`),
  'a member of every object': (members, chance) => extended(members, `"${chance.pick(['__proto__', 'constructor', 'prototype', 'toString', '\\u005f_proto__', ''])}":${chance.pick(['{"alg":"none"}', '{}', 'null', '"x"'])}`, chance),
  'nested deep': (members, chance) => {
    const depth = chance.pick([7, 8, 9, 500])
    return extended(members, `"x":${'['.repeat(depth)}${']'.repeat(depth)}`, chance)
  },
  'in something': (members, chance) => chance.pick([`[${JSON.stringify(members)}]`, JSON.stringify(JSON.stringify(members)), `{"x":${JSON.stringify(members)}}`, 'null', '1', '""', '[]', '{}', 'true']),
  'with something around': (members, chance) => {
    const text = JSON.stringify(members)
    return chance.pick([`\ufeff${text}`, `${text}\0`, `\0${text}`, `${text}${text}`, `${text},`, `${text} `, `\n${text}\n`, text.replace('}', ',}'), text.replaceAll('"', '\''), text.slice(0, -1), `//\n${text}`, `)]}'\n${text}`])
  },
  'in another encoding': (members, chance) => {
    const text = JSON.stringify(members).replace(/[a-z](?=")/, (letter) => letter + chance.pick(['\u00e9', '\u0100', '\ud800', '\ud83d\ude00', '\u0000']))
    return chance.once(3) ? text : Buffer.from(text, chance.pick(['latin1', 'utf16le', 'utf8'] as const))
  },
  'a byte of it changed': (members, chance) => {
    const bytes = Buffer.from(JSON.stringify(members))
    const at = chance.below(bytes.length)
    bytes[at] = (bytes[at] as number) ^ 1 << chance.below(8)
    return bytes
  },
  'overlong': (members, chance) => {
    const bytes = Buffer.from(JSON.stringify(members))
    const at = chance.below(bytes.length)
    const byte = bytes[at] as number
    return Buffer.concat([bytes.subarray(0, at), Buffer.from([0xc0 | byte >> 6, 0x80 | byte & 0x3f]), bytes.subarray(at + 1)])
  }
}
