import { type Static, Type } from '@sinclair/typebox'

export const RefreshBody = Type.Object({
  refresh_token: Type.String({ minLength: 1, maxLength: 8192, examples: ['gr1_bm90IGEgdG9rZW4'] })
}, { title: 'RefreshBody', additionalProperties: false })

export const LogoutQuery = Type.Object({
  scope: Type.Union([Type.Literal('local'), Type.Literal('others'), Type.Literal('global')], {
    default: 'local',
    description: 'This session, all but this one, or all'
  })
}, { additionalProperties: false })

export const SessionParams = Type.Object({
  id: Type.String({ description: 'A session id', examples: ['019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3d'] })
}, { additionalProperties: false })

export const Session = Type.Object({
  id: Type.String({ examples: ['019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3d'] }),
  current: Type.Boolean({ description: 'Whether this call was made with it', examples: [true] }),
  created_at: Type.String({ examples: ['2026-03-01T12:00:00.000Z'] }),
  last_used_at: Type.String({ examples: ['2026-03-01T12:30:00.000Z'] }),
  expires_at: Type.String({ description: 'When it ends unless it is used', examples: ['2026-03-08T12:30:00.000Z'] }),
  ip: Type.String({ description: 'The address it was last used from', examples: ['192.0.2.1'] }),
  user_agent: Type.Union([Type.String({ examples: ['Mozilla/5.0'] }), Type.Null()])
}, { title: 'Session', additionalProperties: false })

export const SessionList = Type.Object({
  sessions: Type.Array(Session)
}, { title: 'SessionList', additionalProperties: false })

export type SessionList = Static<typeof SessionList>
