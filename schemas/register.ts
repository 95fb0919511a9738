import { type Static, Type } from '@sinclair/typebox'
import { Email, Password, User, Username } from './users.ts'

export const RegisterBody = Type.Object({
  username: Username,
  password: Password,
  email: Type.Optional(Type.Union([Email, Type.Null()]))
}, { title: 'RegisterBody', additionalProperties: false })

export type RegisterBody = Static<typeof RegisterBody>

export const RegisterReply = Type.Object({
  message: Type.Literal('User registered successfully'),
  user: User
}, { title: 'RegisterReply', additionalProperties: false })
