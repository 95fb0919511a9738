const swaps: Record<string, string> = { 0: 'o', 1: 'i', 3: 'e', 4: 'a', 5: 's', 7: 't', '@': 'a', $: 's', '!': 'i', l: 'i' }

/** What people put around and between words. Emoji are none of these: nobody appends one by habit. */
const signs = String.raw`\p{P}\p{Sc}\p{Sm}\p{Sk}\p{Z}`
const noSign = new RegExp(`[^${signs}]`, 'u')
const ofWord = new RegExp(`[^${signs}\\p{N}]`, 'u')
const everySign = new RegExp(`[${signs}]`, 'gu')

/** Swaps beside a word that may be letters of it: hardly a word ends in more. */
const mostSwapsAtAnEnd = 4

/** The usual swaps undone. Since "1" and "!" stand for an i or an l, these two become one letter as well: for comparing, not for reading. */
export function fold (text: string): string {
  return text.replace(/[013457@$!l]/g, (char) => swaps[char] as string)
}

/** Without what stands between words; signs that may be swapped letters stay where `kept` says so. */
export function withoutSigns (text: string, kept = ''): string {
  return text.replace(everySign, (sign) => kept.includes(sign) ? sign : '')
}

export function kindsOfSigns (text: string): number {
  return new Set(text.match(everySign)).size
}

/**
 * What a lower-case text may be without the digits and signs at its ends: with all of them, without the signs, without either,
 * and with those next to the word that may be swapped letters of it, such as in "princ3$$1". Itself first, its core last; 49 at most.
 */
export function readings (text: string): string[] {
  const chars = [...text]
  const ends = cuts(chars.toReversed()).map((cut) => chars.length - cut)
  const found = cuts(chars).flatMap((start) => ends.map((end) => chars.slice(start, end).join('')))
  return [...new Set(found)].filter((reading) => reading !== '')
}

/** How many characters may be left out at the beginning, in ascending order. */
function cuts (chars: readonly string[]): number[] {
  const word = chars.findIndex((char) => ofWord.test(char))
  const sign = chars.findIndex((char) => noSign.test(char))
  if (word === -1) return [0, Math.max(0, sign)]
  const adjacent = chars.slice(Math.max(0, word - mostSwapsAtAnEnd), word)
  const swapped = adjacent.length - 1 - adjacent.findLastIndex((char) => !(char in swaps))
  return [0, sign, ...Array.from({ length: swapped + 1 }, (_, index) => word - swapped + index)]
}
