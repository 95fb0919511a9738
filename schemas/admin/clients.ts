import { Type } from '@sinclair/typebox'

const name = Type.String({ description: 'What people call it', minLength: 1, maxLength: 100, examples: ['billing'] })
const scopes = Type.Array(Type.String({ maxLength: 64, examples: ['orders:read'] }), { maxItems: 256, description: 'What it may ask for; together at most 512 characters' })

export const NewClient = Type.Object({
  name,
  scopes: Type.Optional(scopes)
}, { additionalProperties: false })

export const Client = Type.Object({
  client_id: Type.String({ description: 'UUIDv7' }),
  name: Type.String(),
  scopes: Type.Array(Type.String()),
  created_at: Type.String({ description: 'RFC 3339, UTC' })
}, { $id: 'Client', additionalProperties: false })

export const ClientWithSecret = Type.Object({
  client_id: Type.String({ description: 'UUIDv7' }),
  client_secret: Type.String({ description: 'Told this once' }),
  name: Type.String(),
  scopes: Type.Array(Type.String()),
  created_at: Type.String({ description: 'RFC 3339, UTC' })
}, { $id: 'ClientWithSecret', additionalProperties: false })

export const ClientList = Type.Object({
  clients: Type.Array(Client)
}, { additionalProperties: false })

export const ClientParams = Type.Object({
  id: Type.String({ description: 'A client_id' })
}, { additionalProperties: false })

export const SecretChange = Type.Object({
  overlap: Type.Optional(Type.Integer({ minimum: 0, maximum: 604_800, default: 0, description: 'Seconds that the old secret is good beside the new one' }))
}, { additionalProperties: false })
