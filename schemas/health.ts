import { Type } from '@sinclair/typebox'

export const HealthReply = Type.Object({
  status: Type.Literal('ok')
}, { title: 'HealthReply', additionalProperties: false })
