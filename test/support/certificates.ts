import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'

/** An authority of a test, which makes certificates for servers (RFC 5280), in PEM. */
export interface Authority {
  certificate: string
  issue (names: readonly string[], options?: { expired?: boolean }): { certificate: string, key: string }
}

const day = 86_400_000
const objects = { ecdsaWithSha256: '2a8648ce3d040302', commonName: '550403', subjectAltName: '551d11', basicConstraints: '551d13' }
const signature = sequence(object(objects.ecdsaWithSha256))

export function createAuthority (name: string): Authority {
  const { publicKey, privateKey } = newKeys()
  const isAuthority = extension(objects.basicConstraints, sequence(der(0x01, Buffer.from([0xff]))))
  return {
    certificate: certify({ subject: name, issuer: name, publicKey, extensions: [isAuthority], signedBy: privateKey }),
    issue (names, { expired = false } = {}) {
      const keys = newKeys()
      const alternatives = extension(objects.subjectAltName, sequence(...names.map(alternative)))
      const certificate = certify({ subject: names[0] as string, issuer: name, publicKey: keys.publicKey, extensions: [alternatives], signedBy: privateKey, ends: expired ? -day : day })
      return { certificate, key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string }
    }
  }
}

interface Request {
  subject: string
  issuer: string
  publicKey: KeyObject
  extensions: Buffer[]
  signedBy: KeyObject
  /** Milliseconds from now. */
  ends?: number
}

function certify ({ subject, issuer, publicKey, extensions, signedBy, ends = day }: Request): string {
  const content = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    signature,
    distinguished(issuer),
    sequence(time(-2 * day), time(ends)),
    distinguished(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions))
  )
  const bytes = sequence(content, signature, der(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', content, signedBy)])))
  return `-----BEGIN CERTIFICATE-----\n${bytes.toString('base64').replaceAll(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`
}

function newKeys (): { publicKey: KeyObject, privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

function distinguished (name: string): Buffer {
  return sequence(der(0x31, sequence(object(objects.commonName), der(0x0c, Buffer.from(name)))))
}

function extension (id: string, value: Buffer): Buffer {
  return sequence(object(id), der(0x04, value))
}

function alternative (name: string): Buffer {
  return isIP(name) === 4 ? der(0x87, Buffer.from(name.split('.').map(Number))) : der(0x82, Buffer.from(name))
}

function time (fromNow: number): Buffer {
  return der(0x17, Buffer.from(`${new Date(Date.now() + fromNow).toISOString().replaceAll(/[-:T]|\.\d+/g, '').slice(2)}`))
}

function object (hexadecimal: string): Buffer {
  return der(0x06, Buffer.from(hexadecimal, 'hex'))
}

function sequence (...parts: Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

/** Tag, length, content (X.690). */
function der (tag: number, content: Buffer): Buffer {
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}
