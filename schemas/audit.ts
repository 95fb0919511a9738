import { type Static, Type } from '@sinclair/typebox'

const text = { type: ['string', 'null'] }
const id = '01a20ac7-4402-7b0d-b500-88d2294b4a56'

export const AuditQuery = Type.Object({
  user_id: Type.Optional(Type.String({ pattern: '^[\\w-]{1,64}$', description: 'The user whom the events are about' })),
  event: Type.Optional(Type.String({ pattern: '^[a-z_]{1,64}$', description: 'A name of the logging vocabulary' })),
  from: Type.Optional(Type.String({ format: 'date-time', description: 'Events of this time and later' })),
  to: Type.Optional(Type.String({ format: 'date-time', description: 'Events of this time and earlier' })),
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'Events of one page' }),
  cursor: Type.Optional(Type.String({ pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$', description: 'What the page before gave as next_cursor' }))
}, { additionalProperties: false })
export type AuditQuery = Static<typeof AuditQuery>

export const AuditEntry = Type.Object({
  id: Type.String({ examples: ['01a20ac7-9a51-7c1e-8f02-5a1e6f0c77d1'] }),
  at: Type.String({ examples: ['2026-03-01T12:00:00.000Z'] }),
  event: Type.String({ description: 'A name of OWASP\'s logging vocabulary', examples: ['authn_login_success'] }),
  user_id: Type.Unsafe<string | null>({ ...text, description: 'The user whom it is about', examples: [id] }),
  actor: Type.Unsafe<string | null>({ ...text, description: 'Who did it: the id of a user or a client, cli for a command, bootstrap for the first administrator; null where nobody has shown who they are', examples: [id] }),
  ip: Type.Unsafe<string | null>({ ...text, examples: ['192.0.2.7'] }),
  request_id: Type.Unsafe<string | null>({ ...text, examples: ['01a20ac7-9a50-7a3b-9d6c-0b8f6d2f4c11'] }),
  detail: Type.Unsafe<Record<string, unknown> | null>({ type: ['object', 'null'], additionalProperties: true, description: 'What else is known, by event', examples: [null] })
}, { title: 'AuditEntry', additionalProperties: false })
export type AuditEntry = Static<typeof AuditEntry>

export const AuditPage = Type.Object({
  events: Type.Array(AuditEntry, { description: 'The newest first' }),
  next_cursor: Type.Unsafe<string | null>({ ...text, description: 'For the page after this one; null at the end', examples: [null] })
}, { title: 'AuditPage', additionalProperties: false })
export type AuditPage = Static<typeof AuditPage>
