import { isIP } from 'node:net'

/** An http or https address without credentials and query, and without a slash at its end: other addresses are made by appending to it. */
export function isBaseUrl (given: string): boolean {
  const parsed = URL.canParse(given) ? new URL(given) : null
  const plain = parsed !== null && /^https?:\/\//.test(given) && !parsed.search && !parsed.hash && !parsed.username && !parsed.password
  return plain && !given.endsWith('/') && !/[\s"<>\\^`{|}#?]/.test(given)
}

/** An origin as browsers write it (RFC 6454, section 6.2). */
export function isOrigin (given: string): boolean {
  return URL.canParse(given) && new URL(given).origin === given
}

/** An IP address, or a range that leaves something of it. */
export function isCidr (given: string): boolean {
  const [address = '', bits, ...rest] = given.split('/')
  const width = { 4: 32, 6: 128 }[isIP(address)] ?? -1
  const whole = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= width)
  return width > 0 && whole && rest.length === 0 && !address.includes('%')
}
