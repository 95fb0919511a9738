import { commonPasswords } from './common.ts'

const serviceWord = 'gatehouse'
const shortestWord = 4
const runs = ['abcdefghijklmnopqrstuvwxyz', '0123456789', 'qwertyuiop', 'asdfghjkl', 'zxcvbnm', '1qaz2wsx3edc4rfv5tgb6yhn7ujm', 'qazwsxedcrfvtgbyhnujm']
const swaps: Record<string, string> = { 0: 'o', 1: 'i', 3: 'e', 4: 'a', 5: 's', 7: 't', '@': 'a', $: 's', '!': 'i' }

/**
 * Why a new password may not be used, for a person, or null. Length counts characters after NFC. No rule asks for kinds
 * of characters (ASVS 6.2.5); what everybody tries first is refused (ASVS 6.2.4, 6.2.11).
 */
export function weaknessOf (password: string, minLength: number, words: readonly string[]): string | null {
  const text = password.normalize('NFC')
  if ([...text].length < minLength) return `This password is too short: use ${minLength} characters or more`
  const plain = text.toLowerCase()
  if (isMadeOf(plain, words)) return 'This password is made of a name that goes with the account: use words that do not'
  return isPredictable(plain) ? 'This password is among the first that anyone would try: use several unrelated words' : null
}

/** The words themselves, forwards or backwards, with at most a few digits or signs around them. */
function isMadeOf (plain: string, words: readonly string[]): boolean {
  const names = [serviceWord, ...words].map((word) => word.toLowerCase())
  if (names.some((name) => [name, backwards(name)].includes(plain))) return true
  const bare = letters(plain)
  return names.map(letters).filter((word) => word.length >= shortestWord)
    .some((word) => [word, backwards(word)].some((form) => bare === form || bare === form + form || letters(undoSwaps(plain)) === form))
}

function isPredictable (plain: string): boolean {
  const half = plain.slice(0, plain.length / 2)
  return [plain, undoSwaps(plain), plain.replace(/[^a-z]+$/, ''), undoSwaps(plain.replace(/[\d\W_]+$/, ''))].some((form) => commonPasswords.has(form)) ||
    new Set(plain).size === 1 || half + half === plain && half.length > 0 && isPlainWord(half) || isRun(plain)
}

function isPlainWord (half: string): boolean {
  return /^[a-z]+$|^\d+$/.test(half)
}

/** Keys or characters in a row, in either direction, possibly from the start again. */
function isRun (plain: string): boolean {
  return runs.flatMap((run) => [run, backwards(run)]).some((run) => run.repeat(Math.ceil(plain.length / run.length) + 1).includes(plain))
}

function letters (text: string): string {
  return text.replace(/[^\p{L}]+/gu, '')
}

function undoSwaps (text: string): string {
  return text.replace(/[013457@$!]/g, (char) => swaps[char] as string)
}

function backwards (text: string): string {
  return [...text].reverse().join('')
}
