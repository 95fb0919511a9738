/**
 * What a form body says (WHATWG URL, section 5.1). A parameter without a value counts as left out. Throws where the body
 * is no UTF-8 or a parameter is repeated (RFC 6749, section 3.2).
 */
export function parseForm (bytes: Uint8Array): Record<string, string> {
  const pairs = [...new URLSearchParams(utf8.decode(bytes))]
  if (new Set(pairs.map(([name]) => name)).size < pairs.length || pairs.some(([name, value]) => name.includes('\uFFFD') || value.includes('\uFFFD'))) throw new Error('malformed form')
  return Object.fromEntries(pairs.filter(([, value]) => value !== ''))
}

const utf8 = new TextDecoder('utf-8', { fatal: true })
