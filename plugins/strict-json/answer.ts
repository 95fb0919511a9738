import { parseStrictJsonBytes } from './parse.ts'

/** Read no further than so many bytes: what follows is nobody's to keep. */
export async function readAnswer (response: Response, mostBytes: number): Promise<unknown> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > mostBytes) throw new Error('the issuer answered with too much')
    chunks.push(chunk)
  }
  return parseStrictJsonBytes(Buffer.concat(chunks))
}
