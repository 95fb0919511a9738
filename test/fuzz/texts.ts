import type { Chance } from './chance.ts'

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
/** What stands in no token: other alphabets, padding, white space, controls, letters that end in the same eight bits, halves of a pair, marks. */
const strange = ['.', '..', '=', '==', '+', '/', ' ', '\t', '\n', '\r\n', '\0', '%2E', '%41', ',', '"', '\\', '~', '\u0141', '\uff21', '\uff0e', '\u212a', '\u0130', '\u00a0', '\u200b', '\u2028', '\ufeff', '\ud800', '\udc00', '\ud83d\ude00', 'e\u0301']

export type TextMutation = (text: string, chance: Chance) => string

/** Changes that need to know nothing of what a token is. */
export const textMutations: Record<string, TextMutation> = {
  'a bit of a character': (text, chance) => replaced(text, chance.below(text.length), (char) => String.fromCharCode(char.charCodeAt(0) ^ 1 << chance.below(8))),
  'a character': (text, chance) => replaced(text, chance.below(text.length), () => letters.charAt(chance.below(64))),
  'a strange character': (text, chance) => replaced(text, chance.below(text.length), () => chance.pick(strange)),
  'one more character': (text, chance) => inserted(text, chance.below(text.length + 1), chance.once(2) ? chance.pick(strange) : letters.charAt(chance.below(64))),
  'cut at the end': (text, chance) => text.slice(0, chance.once(2) ? -1 - chance.below(8) : chance.below(text.length)),
  'cut at the beginning': (text, chance) => text.slice(1 + chance.below(8)),
  'a run left out': (text, chance) => {
    const start = chance.below(text.length)
    return text.slice(0, start) + text.slice(start + 1 + chance.below(12))
  },
  'a run twice': (text, chance) => {
    const start = chance.below(text.length)
    return inserted(text, start, text.slice(start, start + 1 + chance.below(24)))
  },
  'two characters swapped': (text, chance) => {
    const [one, other] = [chance.below(text.length), chance.below(text.length)]
    return replaced(replaced(text, one, () => text.charAt(other)), other, () => text.charAt(one))
  },
  'other spare bits': (text, chance) => {
    const ends = [text.indexOf('.') - 1, text.lastIndexOf('.') - 1, text.length - 1].filter((end) => end >= 0)
    return replaced(text, chance.pick(ends), (char) => letters.charAt((letters.indexOf(char) ^ 1 + chance.below(15)) & 63))
  },
  'the other alphabet': (text) => text.replaceAll('-', '+').replaceAll('_', '/'),
  padding: (text, chance) => text.split('.').map((part) => chance.once(2) ? part.padEnd(Math.ceil(part.length / 4) * 4, '=') : part).join('.'),
  'another case': (text, chance) => chance.once(2) ? text.toUpperCase() : replaced(text, chance.below(text.length), (char) => char === char.toLowerCase() ? char.toUpperCase() : char.toLowerCase()),
  'made long': (text, chance) => inserted(text, chance.below(text.length), chance.pick(['A', '.', 'eyJ']).repeat(100 + chance.below(4000))),
  'mirrored': (text, chance) => chance.once(2) ? [...text].reverse().join('') : text.split('.').reverse().join('.'),
  'another normal form': (text, chance) => inserted(text, chance.below(text.length), chance.pick(['\u00e9', 'e\u0301', '\ufb01', '\u2460'])).normalize(chance.pick(['NFC', 'NFD', 'NFKC', 'NFKD']))
}

function replaced (text: string, at: number, change: (char: string) => string): string {
  return text.slice(0, at) + change(text.charAt(at)) + text.slice(at + 1)
}

function inserted (text: string, at: number, piece: string): string {
  return text.slice(0, at) + piece + text.slice(at)
}
