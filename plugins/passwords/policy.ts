import type { Blocklist } from './blocklist.ts'
import { isRuns, repeatedIn } from './patterns.ts'
import { fold, kindsOfSigns, readings, withoutSigns } from './spelling.ts'

export interface PolicyOptions {
  minLength: number
  /** Holds lower-case texts, folded. What is shorter than a password may be counts where digits or signs stand around it. */
  blocklist: Blocklist
  /** What the service is called. */
  names: readonly string[]
}

/** Names, patterns and what is left between signs mean too much where they are shorter. */
const shortestWord = 4
const shortestScattered = 6
/** A list's own passwords are this long; what is shorter is a word that needs something around it. */
const shortestListed = 8
/** With more kinds of signs in it a password is no word with a habit around it. "!@#$" is one. */
const mostKindsOfSigns = 4
/** What is repeated is predictable up to this length whatever it is. */
const shortUnit = 4

/**
 * Says why a new password may not be used, for a person, or null; `words` are what else it must not be made of. Length counts
 * characters after NFC. No rule asks for kinds of characters (ASVS 6.2.5); what everybody tries first is refused in any case,
 * with digits and signs around it and letters swapped (ASVS 6.2.4, 6.2.11, 6.2.12). A password
 * of 128 characters costs less than a millisecond, whatever it is made of.
 */
export function createPolicy ({ minLength, blocklist, names }: PolicyOptions): (password: string, words: readonly string[]) => string | null {
  const own = names.flatMap(formsOf)
  return (password, words) => {
    const text = password.normalize('NFC')
    if ([...text].length < minLength) return `This password is too short: use ${minLength} characters or more`
    // Compared as it looks: other widths of a letter, and characters that nobody sees, make no other password.
    const plain = text.normalize('NFKC').replace(/\p{Cf}/gu, '').toLowerCase()
    if (isMadeOf(plain, new Set([...own, ...words.flatMap(formsOf)]))) return 'This password is made of a name that goes with the account: use words that do not'
    return isPredictable(plain, blocklist) ? 'This password is among the first that anyone would try: use several unrelated words' : null
  }
}

/** Whether a text is one of the forms, with digits and signs around it or letters swapped. */
function isMadeOf (plain: string, forms: ReadonlySet<string>): boolean {
  const said = [letters(plain), ...spellings(plain).map(fold)].filter((spelling) => spelling.length >= shortestWord)
  return forms.has(plain) || said.some((spelling) => forms.has(spelling))
}

/** A name itself and its parts, once or doubled, forwards or backwards, as it is and folded. */
function formsOf (name: string): string[] {
  const plain = name.normalize('NFC').toLowerCase()
  const parts = [letters(plain), withoutSigns(plain), ...plain.split(/[^\p{L}\p{M}\p{N}]+/u)].filter((part) => letters(part).length >= shortestWord)
  const forms = parts.flatMap((part) => [part, backwards(part)]).flatMap((part) => [part, part + part])
  return [plain, backwards(plain), ...forms, ...forms.map(fold)]
}

function isPredictable (plain: string, blocklist: Blocklist): boolean {
  const isListed = (text: string) => spellings(text).some((spelling) => blocklist.has(fold(spelling)))
  const core = readings(plain).at(-1) as string
  const scattered = withoutSigns(plain)
  return isListed(plain) || isPattern(plain, isListed) || core.length >= shortestWord && isPattern(core, isListed) ||
    scattered.length >= shortestScattered && isPattern(scattered, isListed)
}

function isPattern (text: string, isListed: (unit: string) => boolean): boolean {
  const unit = repeatedIn(text)
  return isRuns(text) || unit !== null && (unit.length <= shortUnit || /^(?:[\p{L}\p{M}]+|\d+)$/u.test(unit) || isListed(unit))
}

/** What a text may be meant to say: without digits and signs at its ends, and without the signs in between where enough is left. */
function spellings (text: string): string[] {
  if (kindsOfSigns(text) > mostKindsOfSigns) return readings(text).filter((reading) => reading.length >= shortestListed)
  const scattered = [withoutSigns(text, '@$!'), withoutSigns(text)].filter((bare) => bare !== text)
  return [...readings(text), ...scattered.flatMap(readings).filter((reading) => reading.length >= shortestScattered)]
}

function letters (text: string): string {
  return text.replace(/[^\p{L}]+/gu, '')
}

function backwards (text: string): string {
  return [...text].reverse().join('')
}
