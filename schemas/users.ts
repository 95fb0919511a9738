import { type Static, Type } from '@sinclair/typebox'

/** 3 to 32 of a-z 0-9 . _ -, beginning and ending with a letter or digit; typed in any case (RFC 8265 profile, ASCII). */
export const Username = Type.String({
  minLength: 3,
  maxLength: 32,
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]$',
  examples: ['alice']
})

/** Kept exactly as sent but for Unicode NFC. 128 characters at most (ASVS 6.2.9); ill-formed Unicode and NUL are refused. */
export const Password = Type.String({ format: 'password', maxLength: 128, examples: ['correct horse battery staple'] })

export const Email = Type.String({ format: 'email', maxLength: 254, examples: ['alice@example.com'] })

export const User = Type.Object({
  id: Type.String({ description: 'UUIDv7; never changes, never returns', examples: ['019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3d'] }),
  username: Type.String({ examples: ['alice'] }),
  email: Type.Union([Type.String({ examples: ['alice@example.com'] }), Type.Null()]),
  roles: Type.Array(Type.String({ examples: ['editor'] })),
  created_at: Type.String({ description: 'RFC 3339, UTC', examples: ['2026-03-01T12:00:00.000Z'] })
}, { $id: 'User', additionalProperties: false })

export type User = Static<typeof User>
