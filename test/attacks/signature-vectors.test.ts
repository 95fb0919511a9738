import { constants, createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, privateEncrypt, sign } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { build } from '../support/build.ts'
import { rawSegment } from '../support/forge.ts'
import { impossibleSignatures, otherSignature } from '../support/signature-forms.ts'

// The classes of invalid signatures that Project Wycheproof's vectors name, each made here under a key of the service's own:
// edge numbers, other encodings, other hashes, and paddings that a lenient verifier reads past.
const algorithms = ['ES256', 'EdDSA', 'RS256'] as const
type Algorithm = typeof algorithms[number]

const user = { id: '019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3d', username: 'alice', email: null, passwordHash: null, disabled: false, roles: [], createdAt: 0 }
const session = { id: '019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3f', clientId: 'gatehouse', expiresAt: Number.POSITIVE_INFINITY }

interface Signed {
  app: FastifyInstance
  /** What the signature is over, and the good one. */
  input: Buffer
  signature: Buffer
  privateKey: KeyObject
}

async function signedBy (t: Parameters<typeof build>[0], alg: Algorithm): Promise<Signed> {
  const app = await build(t, { environment: { SIGNING_ALG: alg } })
  const { token } = app.tokens.issue({ user, session })
  const dot = token.lastIndexOf('.')
  return { app, input: Buffer.from(token.slice(0, dot)), signature: Buffer.from(token.slice(dot + 1), 'base64url'), privateKey: createPrivateKey(app.keys.active().privatePem) }
}

function isTaken ({ app, input }: Signed, signature: Uint8Array): boolean {
  try {
    return app.tokens.verify(`${input.toString()}.${rawSegment(signature)}`).username === 'alice'
  } catch (error) {
    if ((error as { code?: string }).code !== 'invalid_token') throw error
    return false
  }
}

const bytes = (hex: string) => Buffer.from(hex, 'hex')
const digest = (name: string, input: Buffer) => createHash(name).update(input).digest()
const halves = (signature: Buffer) => [signature.subarray(0, 32), signature.subarray(32)] as const

/** A number of 32 bytes, changed by so much. */
function moved (number: Buffer, by: bigint): Buffer {
  return bytes(BigInt.asUintN(256, BigInt(`0x${number.toString('hex')}`) + by).toString(16).padStart(64, '0'))
}

const forms: Record<Algorithm, (signed: Signed) => Record<string, Uint8Array>> = {
  ES256 ({ input, signature, privateKey }) {
    const [r, s] = halves(signature)
    const der = sign('sha256', input, privateKey)
    const other = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
    return {
      ...Object.fromEntries(impossibleSignatures('ES256').map((form, number) => [`edge numbers ${number}`, form])),
      swapped: Buffer.concat([s, r]), 'r one more': Buffer.concat([moved(r, 1n), s]), 's one more': Buffer.concat([r, moved(s, 1n)]), 'r one less': Buffer.concat([moved(r, -1n), s]), 's one less': Buffer.concat([r, moved(s, -1n)]),
      DER: der, 'DER in 64 bytes': der.subarray(0, 64), 'a zero before': Buffer.concat([bytes('00'), signature]), 'a zero behind': Buffer.concat([signature, bytes('00')]), 'zeros before each': Buffer.concat([bytes('00'), r, bytes('00'), s]),
      'over SHA-384': sign('sha384', input, { key: privateKey, dsaEncoding: 'ieee-p1363' }), 'over SHA-1': sign('sha1', input, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
      'over the hash of the hash': sign('sha256', digest('sha256', input), { key: privateKey, dsaEncoding: 'ieee-p1363' }), 'on P-384': sign('sha384', input, { key: other, dsaEncoding: 'ieee-p1363' }),
      'over another input': sign('sha256', Buffer.concat([input, bytes('00')]), { key: privateKey, dsaEncoding: 'ieee-p1363' }), empty: Buffer.alloc(0)
    }
  },
  EdDSA ({ input, signature, privateKey }) {
    const [R, S] = halves(signature)
    const zeros = Buffer.alloc(32)
    const lowOrder = ['00'.repeat(32), `01${'00'.repeat(31)}`, `ec${'ff'.repeat(30)}7f`, `ee${'ff'.repeat(30)}7f`, `01${'00'.repeat(30)}80`, '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a']
    return {
      ...Object.fromEntries(impossibleSignatures('EdDSA').map((form, number) => [`edge numbers ${number}`, form])),
      ...Object.fromEntries(lowOrder.flatMap((point, number) => [[`R of low order ${number}`, Buffer.concat([bytes(point), S])], [`R of low order ${number}, S zero`, Buffer.concat([bytes(point), zeros])]])),
      'S and the order': otherSignature('EdDSA', signature, createPublicKey(privateKey)), swapped: Buffer.concat([S, R]), 'R alone': Buffer.concat([R, zeros]), 'S alone': Buffer.concat([zeros, S]),
      'the top bit of S': Buffer.concat([R, S.subarray(0, 31), Buffer.from([S.readUInt8(31) | 0x80])]), 'the top bit of R': Buffer.concat([R.subarray(0, 31), Buffer.from([R.readUInt8(31) ^ 0x80]), S]),
      '63 bytes': signature.subarray(0, 63), '65 bytes': Buffer.concat([signature, bytes('00')]), 'over the hash': sign(null, digest('sha512', input), privateKey), 'over another input': sign(null, Buffer.concat([input, bytes('00')]), privateKey), empty: Buffer.alloc(0)
    }
  },
  RS256 ({ input, signature, privateKey }) {
    const size = signature.length
    const raw = (block: Buffer) => privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, block)
    const sha256 = bytes('3031300d060960864801650304020105000420')
    const hashed = Buffer.concat([sha256, digest('sha256', input)])
    /** PKCS #1 v1.5, but for what is said: how it begins, what fills it, what ends the filling, what comes behind. */
    const padded = (info: Buffer, { begin = '0001', fill = 0xff, end = '00', behind = 0 } = {}) =>
      raw(Buffer.concat([bytes(begin), Buffer.alloc(size - 2 - end.length / 2 - info.length - behind, fill), bytes(end), info, Buffer.alloc(behind, 0x41)]))
    return {
      ...Object.fromEntries(impossibleSignatures('RS256').map((form, number) => [`edge numbers ${number}`, form])),
      'garbage behind': padded(hashed, { behind: 64 }), 'eight bytes of filling': padded(hashed, { behind: size - 2 - 8 - 1 - hashed.length }), 'a byte behind': padded(hashed, { behind: 1 }),
      'block type 0': padded(hashed, { begin: '0000', fill: 0 }), 'block type 2': padded(hashed, { begin: '0002' }), 'another first byte': padded(hashed, { begin: '0101' }),
      'another filling': padded(hashed, { fill: 0xfe }), 'no end of the filling': padded(hashed, { end: 'ff' }), 'two ends': padded(hashed, { end: '0000' }),
      'a long form of the length': padded(Buffer.concat([bytes('308131300d060960864801650304020105000420'), digest('sha256', input)])), 'an indefinite length': padded(Buffer.concat([bytes('3080300d060960864801650304020105000420'), digest('sha256', input), bytes('0000')])),
      'no DigestInfo': padded(digest('sha256', input)), 'no NULL': padded(Buffer.concat([bytes('302f300b060960864801650304020104 20'.replaceAll(' ', '')), digest('sha256', input)])),
      'SHA-1': sign('sha1', input, privateKey), 'SHA-512': sign('sha512', input, privateKey), 'SHA-256 by the name of SHA-1': padded(Buffer.concat([bytes('3021300906052b0e03021a05000414'), digest('sha256', input).subarray(0, 20)])),
      PSS: sign('sha256', input, { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING }), 'the signature and the modulus': otherSignature('RS256', signature, createPublicKey(privateKey)),
      'a zero before': Buffer.concat([bytes('00'), signature]), 'a zero behind': Buffer.concat([signature, bytes('00')]), short: signature.subarray(1), 'over another input': sign('sha256', Buffer.concat([input, bytes('00')]), privateKey), empty: Buffer.alloc(0)
    }
  }
}

for (const alg of algorithms) {
  t.test(`D089 D088 refuses every invalid signature of ${alg}`, async (t) => {
    const signed = await signedBy(t, alg)
    t.ok(isTaken(signed, signed.signature), 'the good one')
    const invalid = forms[alg](signed)
    t.ok(Object.keys(invalid).length >= 25, `${Object.keys(invalid).length} forms`)
    t.same(Object.keys(invalid).filter((what) => isTaken(signed, invalid[what] as Uint8Array)), [])
    t.ok(isTaken(signed, signed.signature), 'the good one still')
  })
}
