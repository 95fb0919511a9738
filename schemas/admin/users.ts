import { type Static, Type } from '@sinclair/typebox'
import { Email, Password, User, Username } from '../users.ts'

/** Names that need no declaration. All together have at most 128 characters, with a space between each two. */
const Roles = Type.Array(Type.String({ pattern: '^[\\w.:-]{1,64}$', examples: ['editor'] }), {
  maxItems: 16,
  description: 'All that the user holds; together at most 128 characters, a space between each two counted'
})

const Address = Type.Union([Email, Type.Null()])

/** A user as administrators see one. */
export const AdminUser = Type.Composite([User, Type.Object({
  disabled: Type.Boolean({ description: 'Whether the user is kept from signing in', examples: [false] }),
  last_login_at: Type.Union([Type.String({ examples: ['2026-03-01T12:00:00.000Z'] }), Type.Null()], { description: 'When the user signed in last with the password' })
})], { $id: 'AdminUser', additionalProperties: false })

export type AdminUser = Static<typeof AdminUser>

export const NewUser = Type.Object({
  username: Username,
  password: Password,
  email: Type.Optional(Address),
  roles: Type.Optional(Roles)
}, { title: 'NewUser', additionalProperties: false })

export type NewUser = Static<typeof NewUser>

/** What is left out stays as it is. */
export const UserChange = Type.Object({
  roles: Type.Optional(Roles),
  disabled: Type.Optional(Type.Boolean({ examples: [false] })),
  password: Type.Optional(Password),
  email: Type.Optional(Address)
}, { title: 'UserChange', additionalProperties: false })

export type UserChange = Static<typeof UserChange>

export const UserQuery = Type.Object({
  q: Type.Optional(Type.String({
    description: 'What the username or the e-mail address begins with, in any case',
    maxLength: 254,
    pattern: '^[^\\u0000-\\u001f\\u007f\\ud800-\\udfff]*$'
  })),
  role: Type.Optional(Type.String({ description: 'A role that is held', maxLength: 64, pattern: '^[^\\u0000-\\u001f\\u007f\\ud800-\\udfff]*$', examples: ['editor'] })),
  disabled: Type.Optional(Type.Boolean({ description: 'Those who are disabled, or those who are not', examples: [false] })),
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
  cursor: Type.Optional(Type.String({ description: '`next_cursor` of the page before', maxLength: 1024, examples: ['eyJhZnRlciI6IjAxOWFhZjNlIn0'] }))
}, { additionalProperties: false })

export type UserQuery = Static<typeof UserQuery>

export const UserPage = Type.Object({
  users: Type.Array(AdminUser),
  next_cursor: Type.Union([Type.String({ examples: ['eyJhZnRlciI6IjAxOWFhZjNlIn0'] }), Type.Null()], { description: 'Null at the end' })
}, { title: 'UserPage', additionalProperties: false })

export type UserPage = Static<typeof UserPage>

export const UserParams = Type.Object({
  id: Type.String({ description: 'A user\'s id', examples: ['019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3d'] })
}, { additionalProperties: false })
