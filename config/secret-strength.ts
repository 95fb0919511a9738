/** What documentation, generators and word lists put where a secret belongs; in letters and digits alone. */
const placeholders = /change(me|this|it)|replace(me|this|with)|placeholder|example|insecure|default|password|letmein|deadbeef|(your|my|super|very|test|dev(elopment)?|jwt)(\d*bit)?(jwt)?secret|stringsecret|secretkey|secrethere|longrandom|randomstring|randomgenerator|opensslrand|qwerty|1qaz2wsx|testtest|loremipsum|quickbrownfox|gqdstcksx0nhjpouxoyg5mbej1xt0ufiwdvvvbrk/

/** Placeholders, and texts that are regular as they stand or as the bytes that hex or base64 make of them (RFC 8725, section 3.5). */
export function isGuessable (given: string): boolean {
  const encoding = /^([0-9a-f]{2})+$/i.test(given) ? 'hex' : /^[\w+/-]+={0,2}$/.test(given) ? 'base64' : 'utf8'
  return placeholders.test(given.toLowerCase().replace(/[^a-z0-9]/g, '')) || isRegular(given) || isRegular(Buffer.from(given, encoding).toString('latin1'))
}

/** Repetitions, runs, and texts of few different characters. */
function isRegular (text: string): boolean {
  const codes = [...text].map((char) => Number(char.codePointAt(0)))
  const steps = codes.slice(1).map((code, index) => code - Number(codes[index]))
  const commonest = Math.max(...Map.groupBy(steps, (step) => step).values().map((same) => same.length))
  const periods = Array.from({ length: Math.min(64, text.length / 2) }, (_, index) => index + 1)
  return new Set(codes).size < 10 || commonest > codes.length / 3 || periods.some((period) => text.startsWith(text.slice(period)))
}
