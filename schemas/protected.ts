import { Type } from '@sinclair/typebox'

export const ProtectedReply = Type.Object({
  message: Type.String({ examples: ['Hello, alice! This is a protected resource.'] })
}, { additionalProperties: false })
