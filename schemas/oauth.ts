import { type Static, Type } from '@sinclair/typebox'

/** RFC 6749, section 5.2, and section 4.1.2.1 for what is our fault: what /oauth answers instead of our own codes. */
export const oauthErrors = {
  invalid_request: { status: 400, description: 'The request is malformed, lacks a parameter or repeats one' },
  invalid_client: { status: 401, description: 'The client could not be authenticated: send its id and secret by HTTP Basic' },
  invalid_grant: { status: 400, description: 'The refresh token is invalid or has expired' },
  unauthorized_client: { status: 400, description: 'That token was issued to another client' },
  unsupported_grant_type: { status: 400, description: 'Only client_credentials and refresh_token are granted here' },
  invalid_scope: { status: 400, description: 'A scope was asked for that is not held' },
  slow_down: { status: 429, description: 'Too many wrong secrets: wait as long as Retry-After says' },
  server_error: { status: 500, description: 'Something went wrong on our side' },
  temporarily_unavailable: { status: 503, description: 'The service cannot answer right now: try again shortly' }
} as const

export type OauthErrorCode = keyof typeof oauthErrors

export const OauthErrorReply = Type.Object({
  error: Type.String(),
  error_description: Type.String()
}, { $id: 'OauthErrorReply', additionalProperties: false })

const Token = Type.String({ minLength: 1, maxLength: 8192 })

/** Parameters that are not known are ignored (RFC 6749, section 3.2). */
export const TokenForm = Type.Object({
  grant_type: Type.String({ minLength: 1, maxLength: 100 }),
  scope: Type.Optional(Type.String({ maxLength: 1024 })),
  refresh_token: Type.Optional(Token)
}, { additionalProperties: true })

export type TokenForm = Static<typeof TokenForm>

export const TokenQueryForm = Type.Object({
  token: Token,
  token_type_hint: Type.Optional(Type.String({ maxLength: 100 }))
}, { additionalProperties: true })

/** RFC 6749, section 5.1. */
export const GrantReply = Type.Object({
  access_token: Type.String(),
  token_type: Type.Literal('Bearer'),
  expires_in: Type.Integer(),
  refresh_token: Type.Optional(Type.String()),
  scope: Type.String()
}, { additionalProperties: false })

export type GrantReply = Static<typeof GrantReply>

/** RFC 7662, section 2.2: of a token that is not active, nothing else is said. */
export const Introspection = Type.Object({
  active: Type.Boolean(),
  scope: Type.Optional(Type.String()),
  client_id: Type.Optional(Type.String()),
  username: Type.Optional(Type.String()),
  token_type: Type.Optional(Type.String()),
  exp: Type.Optional(Type.Integer()),
  iat: Type.Optional(Type.Integer()),
  sub: Type.Optional(Type.String()),
  aud: Type.Optional(Type.String()),
  iss: Type.Optional(Type.String()),
  jti: Type.Optional(Type.String()),
  sid: Type.Optional(Type.String()),
  roles: Type.Optional(Type.Array(Type.String()))
}, { additionalProperties: false })

export type Introspection = Static<typeof Introspection>
