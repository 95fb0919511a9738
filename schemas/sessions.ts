import { type Static, Type } from '@sinclair/typebox'

export const RefreshBody = Type.Object({
  refresh_token: Type.String({ minLength: 1, maxLength: 8192 })
}, { additionalProperties: false })

export const LogoutQuery = Type.Object({
  scope: Type.Union([Type.Literal('local'), Type.Literal('others'), Type.Literal('global')], {
    default: 'local',
    description: 'This session, all but this one, or all'
  })
}, { additionalProperties: false })

export const SessionParams = Type.Object({
  id: Type.String({ description: 'A session id' })
}, { additionalProperties: false })

export const Session = Type.Object({
  id: Type.String(),
  current: Type.Boolean({ description: 'Whether this call was made with it' }),
  created_at: Type.String(),
  last_used_at: Type.String(),
  expires_at: Type.String({ description: 'When it ends unless it is used' }),
  ip: Type.String({ description: 'The address it was last used from' }),
  user_agent: Type.Union([Type.String(), Type.Null()])
}, { additionalProperties: false })

export const SessionList = Type.Object({
  sessions: Type.Array(Session)
}, { additionalProperties: false })

export type SessionList = Static<typeof SessionList>
