import { Type } from '@sinclair/typebox'
import { Email, Password } from './users.ts'

export const EmailChange = Type.Object({
  email: Type.Union([Email, Type.Null()]),
  password: Password
}, { title: 'EmailChange', additionalProperties: false })

export const PasswordProof = Type.Object({
  password: Password
}, { title: 'PasswordProof', additionalProperties: false })

export const PasswordChange = Type.Object({
  current_password: Password,
  new_password: Password
}, { title: 'PasswordChange', additionalProperties: false })
