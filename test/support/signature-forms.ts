import type { KeyObject } from 'node:crypto'

type Algorithm = 'ES256' | 'RS256' | 'EdDSA'

/** The orders of the groups of P-256 (FIPS 186-5) and of Ed25519 (RFC 8032). */
const orders = { ES256: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n, EdDSA: 2n ** 252n + 27742317777372353535851937790883648493n }

/** Big-endian; cut to the last `length` bytes. */
const number = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
const bytesOf = (value: bigint, length: number) => Buffer.from(value.toString(16).padStart(length * 2, '0').slice(-length * 2), 'hex')

/**
 * The other signature over the same input that whoever has one can work out. For ECDSA it holds as well: (r, n - s), which RFC 7518
 * does not forbid. Of EdDSA (S + L) and RSA (s + n) a verifier has to refuse it.
 */
export function otherSignature (alg: Algorithm, signature: Buffer, publicKey: KeyObject): Buffer {
  if (alg === 'ES256') return Buffer.concat([signature.subarray(0, 32), bytesOf(orders.ES256 - number(signature.subarray(32)), 32)])
  if (alg === 'EdDSA') return Buffer.concat([signature.subarray(0, 32), bytesOf(number(signature.subarray(32).toReversed()) + orders.EdDSA, 32).toReversed()])
  const { n = '' } = publicKey.export({ format: 'jwk' })
  return bytesOf(number(signature) + number(Buffer.from(n, 'base64url')), signature.length + 1)
}

/** Signatures of the right length out of numbers that none has, or none by chance. */
export function impossibleSignatures (alg: Algorithm): Buffer[] {
  if (alg === 'RS256') return [0n, 1n, 2n ** 3071n, 2n ** 3072n - 1n].map((value) => bytesOf(value, 384))
  const order = orders[alg]
  const edges = [0n, 1n, order - 1n, order, order + 1n, 2n ** 256n - 1n]
  return edges.flatMap((first) => edges.map((second) => Buffer.concat([bytesOf(first, 32), bytesOf(second, 32)])))
}
