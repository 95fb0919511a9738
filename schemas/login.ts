import { type Static, Type } from '@sinclair/typebox'
import { Password, User } from './users.ts'

export const LoginBody = Type.Object({
  username: Type.String({
    description: 'A username or an e-mail address',
    minLength: 1,
    maxLength: 254,
    pattern: '^[^\\u0000-\\u001f\\u007f\\ud800-\\udfff]+$',
    examples: ['alice']
  }),
  password: Password
}, { title: 'LoginBody', additionalProperties: false })

export type LoginBody = Static<typeof LoginBody>

export const TokenReply = Type.Object({
  access_token: Type.String({ description: 'A JWT (RFC 9068) for the Authorization header', examples: ['eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6Ii4uLiJ9.eyJpc3MiOiIuLi4ifQ.c2lnbmF0dXJl'] }),
  token_type: Type.Literal('Bearer'),
  expires_in: Type.Integer({ description: 'Seconds the access token lives', examples: [600] }),
  refresh_token: Type.String({ description: 'Opaque', examples: ['gr1_bm90IGEgdG9rZW4'] }),
  refresh_expires_in: Type.Integer({ description: 'Seconds until the refresh token dies unused', examples: [604_800] }),
  user: User
}, { $id: 'TokenReply', additionalProperties: false })

export type TokenReply = Static<typeof TokenReply>
