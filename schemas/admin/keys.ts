import { Type } from '@sinclair/typebox'

export const Key = Type.Object({
  kid: Type.String({ description: 'RFC 7638 thumbprint' }),
  alg: Type.String(),
  state: Type.Union([Type.Literal('next'), Type.Literal('active'), Type.Literal('retired')]),
  created_at: Type.String({ description: 'RFC 3339, UTC' }),
  signs_from: Type.String({ description: 'When it begins, or began, to sign' }),
  ends_at: Type.Union([Type.String(), Type.Null()], { description: 'When its last token is dead and it leaves the key set; null while that is open' })
}, { $id: 'Key', additionalProperties: false })

export const KeyList = Type.Object({
  keys: Type.Array(Key)
}, { additionalProperties: false })

export const KeyRotation = Type.Object({
  now: Type.Optional(Type.Boolean({ default: false, description: 'Sign with the next key at once: verifiers that cache the key set may not know it yet' }))
}, { additionalProperties: false })

export const KeyParams = Type.Object({
  kid: Type.String({ description: 'A key id' })
}, { additionalProperties: false })
