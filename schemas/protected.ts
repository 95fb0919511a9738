import { Type } from '@sinclair/typebox'

export const ProtectedReply = Type.Object({
  message: Type.String({ examples: ['Hello, alice! This is a protected resource.'] })
}, { title: 'ProtectedReply', additionalProperties: false })
