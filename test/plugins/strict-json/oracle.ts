/** What RFC 8259 says of a text: not JSON at all, or its value and which of our rules beyond the grammar it breaks. */
export type Reading = { wellFormed: false } | { wellFormed: true, value: unknown, faults: Set<string> }

const forbidden = /^(__proto__|constructor|prototype)$|["\\\u0000-\u001f]/
const escapes: Record<string, string> = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }
const literals: [string, unknown][] = [['true', true], ['false', false], ['null', null]]

/** Recursive descent, one function a production of RFC 8259, in the plainest way; slow, and for tests alone. */
export function readJson (text: string, depth = 8): Reading {
  const faults = new Set<string>()
  let at = 0

  try {
    const value = element(0)
    if (at !== text.length) throw new SyntaxError('text after the value')
    return { wellFormed: true, value, faults }
  } catch {
    return { wellFormed: false }
  }

  function element (level: number): unknown {
    whitespace()
    const value = anyValue(level)
    whitespace()
    return value
  }

  function anyValue (level: number): unknown {
    if (text[at] === '{') return object(level + 1)
    if (text[at] === '[') return array(level + 1)
    if (text[at] === '"') return string()
    for (const [word, value] of literals) {
      if (text.startsWith(word, at)) {
        at += word.length
        return value
      }
    }
    return number()
  }

  function object (level: number) {
    if (level > depth) faults.add('too_deep')
    const members = new Map<string, unknown>()
    expect('{')
    whitespace()
    if (text[at] !== '}') {
      do {
        whitespace()
        const name = string()
        if (forbidden.test(name)) faults.add('forbidden_member')
        if (members.has(name)) faults.add('duplicate_member')
        whitespace()
        expect(':')
        members.set(name, element(level))
      } while (accept(','))
    }
    expect('}')
    return Object.fromEntries(members)
  }

  function array (level: number) {
    if (level > depth) faults.add('too_deep')
    const items: unknown[] = []
    expect('[')
    whitespace()
    if (text[at] !== ']') {
      do items.push(element(level))
      while (accept(','))
    }
    expect(']')
    return items
  }

  function string () {
    let value = ''
    expect('"')
    while (text[at] !== '"') value += character()
    expect('"')
    return value
  }

  function character () {
    const char = text[at++]
    if (char === undefined || char < ' ') throw new SyntaxError('a bare control character, or the end')
    if (char !== '\\') return char
    const letter = text[at++] ?? ''
    if (letter === 'u') return codeUnit()
    const value = escapes[letter]
    if (value === undefined) throw new SyntaxError('an unknown escape')
    return value
  }

  function codeUnit () {
    const digits = text.slice(at, at + 4)
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw new SyntaxError('not four hexadecimal digits')
    at += 4
    return String.fromCharCode(Number.parseInt(digits, 16))
  }

  function number () {
    const begin = at
    accept('-')
    if (!accept('0')) digits()
    if (accept('.')) digits()
    if (accept('e') || accept('E')) {
      if (!accept('+')) accept('-')
      digits()
    }
    return Number(text.slice(begin, at))
  }

  function digits () {
    const begin = at
    while (/^[0-9]$/.test(text[at] ?? '')) at++
    if (at === begin) throw new SyntaxError('no digit')
  }

  function whitespace () {
    while ([' ', '\t', '\n', '\r'].includes(text[at] ?? '')) at++
  }

  function accept (char: string) {
    if (text[at] !== char) return false
    at++
    return true
  }

  function expect (char: string) {
    if (!accept(char)) throw new SyntaxError('something else')
  }
}
