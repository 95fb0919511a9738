import { type Static, Type } from '@sinclair/typebox'
import { Email, Username } from './users.ts'

/** A user as files of `users import` and `users export` have one: with the digest of their password. */
export const UserEntry = Type.Object({
  id: Type.Optional(Type.String({ pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$', description: 'UUIDv7' })),
  username: Username,
  email: Type.Optional(Type.Union([Email, Type.Null()])),
  password_hash: Type.Optional(Type.Union([Type.String({ minLength: 1, maxLength: 512 }), Type.Null()])),
  roles: Type.Optional(Type.Array(Type.String())),
  disabled: Type.Optional(Type.Boolean()),
  created_at: Type.Optional(Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.\\d{1,9})?(?:Z|[+-]\\d\\d:\\d\\d)$', description: 'RFC 3339' }))
}, { additionalProperties: false })

export type UserEntry = Static<typeof UserEntry>
