import { Type } from '@sinclair/typebox'

const name = Type.String({ description: 'What people call it', minLength: 1, maxLength: 100, examples: ['billing'] })
const scopes = Type.Array(Type.String({ maxLength: 64, examples: ['orders:read'] }), { maxItems: 256, description: 'What it may ask for; together at most 512 characters' })

export const NewClient = Type.Object({
  name,
  scopes: Type.Optional(scopes)
}, { title: 'NewClient', additionalProperties: false })

export const Client = Type.Object({
  client_id: Type.String({ description: 'UUIDv7', examples: ['019aaf3e-8d2e-7a5b-8c64-1e3f7d2c4b5e'] }),
  name: Type.String({ examples: ['billing'] }),
  scopes: Type.Array(Type.String({ examples: ['orders:read'] })),
  created_at: Type.String({ description: 'RFC 3339, UTC', examples: ['2026-03-01T12:00:00.000Z'] })
}, { $id: 'Client', additionalProperties: false })

export const ClientWithSecret = Type.Object({
  client_id: Type.String({ description: 'UUIDv7', examples: ['019aaf3e-8d2e-7a5b-8c64-1e3f7d2c4b5e'] }),
  client_secret: Type.String({ description: 'Told this once', examples: ['c2VjcmV0IHRvbGQgdGhpcyBvbmNlLCBub3RoaW5nIHJlYWw'] }),
  name: Type.String({ examples: ['billing'] }),
  scopes: Type.Array(Type.String({ examples: ['orders:read'] })),
  created_at: Type.String({ description: 'RFC 3339, UTC', examples: ['2026-03-01T12:00:00.000Z'] })
}, { $id: 'ClientWithSecret', additionalProperties: false })

export const ClientList = Type.Object({
  clients: Type.Array(Client)
}, { title: 'ClientList', additionalProperties: false })

export const ClientParams = Type.Object({
  id: Type.String({ description: 'A client_id', examples: ['019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3d'] })
}, { additionalProperties: false })

export const SecretChange = Type.Object({
  overlap: Type.Optional(Type.Integer({ minimum: 0, maximum: 604_800, default: 0, description: 'Seconds that the old secret is good beside the new one, unless there is another new one before', examples: [3600] }))
}, { title: 'SecretChange', additionalProperties: false })
