import { createCipheriv } from 'node:crypto'
import { equal, type Reader } from './digest.ts'
import { deriveScrypt, isAffordable } from './scrypt.ts'

/**
 * `$fbscrypt$v=1,n=MEM_COST,r=ROUNDS,p=1,ss=SEPARATOR,sk=SIGNER_KEY$SALT$HASH`, the form that Supabase's importer takes as
 * well: what an export says of a user, with the four parameters of the project. Base64 in either alphabet.
 */
const form = /^\$fbscrypt\$v=1,n=(\d{1,2}),r=(\d{1,2}),p=1,ss=([\w+/-]{0,22}={0,2}),sk=([\w+/-]{43,86}={0,2})\$([\w+/-]{1,86}={0,2})\$([\w+/-]{43,86}={0,2})$/

/**
 * Firebase's variant of scrypt: the key that scrypt makes of the password encrypts the project's signer key with AES-256 in
 * counter mode, and the ciphertext is the digest. The counter starts at zero, which is safe for a key that encrypts one text.
 */
export const readFirebase: Reader = (digest) => {
  const [, log = '', rounds = '', separator = '', signer = '', salt = '', hash = ''] = form.exec(digest) ?? []
  const parameters = { cost: 2 ** Number(log), blockSize: Number(rounds), parallelism: 1 }
  const [signerKey, tag] = [Buffer.from(signer, 'base64'), Buffer.from(hash, 'base64')]
  if (hash === '' || signerKey.length !== tag.length || !isAffordable(parameters)) return null
  const salted = Buffer.concat([Buffer.from(salt, 'base64'), Buffer.from(separator, 'base64')])
  return async (password) => {
    const key = await deriveScrypt(password, salted, 32, parameters)
    return equal(createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(signerKey), tag)
  }
}
