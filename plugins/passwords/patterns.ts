/** Characters and keys in a row, each row in a circle: alphabets, digits, and the keyboards of several countries, across and down. */
const rows = [
  'abcdefghijklmnopqrstuvwxyz', '0123456789', 'абвгдежзийклмнопрстуфхцчшщъыьэюя',
  'qwertyuiop', 'asdfghjkl', 'zxcvbnm', 'qwertzuiop', 'yxcvbnm', 'azertyuiop', 'qsdfghjklm', 'wxcvbn', 'йцукенгшщзхъ', 'фывапролджэ', 'ячсмитьбю',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm', '1q2w3e4r5t6y7u8i9o0p', 'qazwsxedcrfvtgbyhnujm'
]
const shortestRun = 3

const successors = rows.flatMap((row) => [[...row], [...row].reverse()]).map((row) =>
  new Map(row.map((char, index) => [char, row[(index + 1) % row.length]])))

/** The digit row of a keyboard while Shift is held. */
const shifted = ')!@#$%^&*('

/** Whether a lower-case text is runs alone: three or more keys or characters in a row each, in either direction, or one of them repeated. */
export function isRuns (text: string): boolean {
  const chars = [...text].map((char) => shifted.includes(char) ? String(shifted.indexOf(char)) : char)
  let at = 0
  while (at < chars.length) {
    const length = Math.max(runFrom(chars, at, (char) => char), ...successors.map((next) => runFrom(chars, at, (char) => next.get(char))))
    if (length < shortestRun) return false
    at += length
  }
  return true
}

function runFrom (chars: readonly string[], start: number, next: (char: string) => string | undefined): number {
  let end = start + 1
  while (end < chars.length && chars[end] === next(chars[end - 1] as string)) end++
  return end - start
}

/** What a text repeats, twice or more often and possibly in part at its end; null where it repeats nothing. */
export function repeatedIn (text: string): string | null {
  for (let length = 1; length <= text.length / 2; length++) {
    if (text.startsWith(text.slice(length))) return text.slice(0, length)
  }
  return null
}
