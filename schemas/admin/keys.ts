import { Type } from '@sinclair/typebox'

export const Key = Type.Object({
  kid: Type.String({ description: 'RFC 7638 thumbprint', examples: ['NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'] }),
  alg: Type.String({ examples: ['ES256'] }),
  state: Type.Union([Type.Literal('next'), Type.Literal('active'), Type.Literal('retired')]),
  created_at: Type.String({ description: 'RFC 3339, UTC', examples: ['2026-03-01T12:00:00.000Z'] }),
  signs_from: Type.String({ description: 'When it begins, or began, to sign', examples: ['2026-03-01T12:00:00.000Z'] }),
  ends_at: Type.Union([Type.String({ examples: ['2026-03-31T12:10:15.000Z'] }), Type.Null()], { description: 'When its last token is dead and it leaves the key set; null while that is open' })
}, { $id: 'Key', additionalProperties: false })

export const KeyList = Type.Object({
  keys: Type.Array(Key)
}, { title: 'KeyList', additionalProperties: false })

export const KeyRotation = Type.Object({
  now: Type.Optional(Type.Boolean({ default: false, description: 'Sign with the next key at once: verifiers that cache the key set may not know it yet' }))
}, { title: 'KeyRotation', additionalProperties: false })

export const KeyParams = Type.Object({
  kid: Type.String({ description: 'A key id', examples: ['NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'] })
}, { additionalProperties: false })
