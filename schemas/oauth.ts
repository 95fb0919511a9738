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
  error: Type.String({ examples: ['invalid_request'] }),
  error_description: Type.String({ examples: ['The request is malformed, lacks a parameter or repeats one'] })
}, { $id: 'OauthErrorReply', additionalProperties: false })

const Token = Type.String({ minLength: 1, maxLength: 8192, examples: ['gr1_bm90IGEgdG9rZW4'] })

/** Parameters that are not known are ignored (RFC 6749, section 3.2). */
export const TokenForm = Type.Object({
  grant_type: Type.String({ minLength: 1, maxLength: 100, examples: ['client_credentials'] }),
  scope: Type.Optional(Type.String({ maxLength: 1024, examples: ['orders:read'] })),
  refresh_token: Type.Optional(Token)
}, { title: 'TokenForm', examples: [{ grant_type: 'client_credentials', scope: 'orders:read' }], additionalProperties: true })

export type TokenForm = Static<typeof TokenForm>

export const TokenQueryForm = Type.Object({
  token: Token,
  token_type_hint: Type.Optional(Type.String({ maxLength: 100, examples: ['refresh_token'] }))
}, { title: 'TokenQueryForm', additionalProperties: true })

/** RFC 6749, section 5.1. */
export const GrantReply = Type.Object({
  access_token: Type.String({ examples: ['eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6Ii4uLiJ9.eyJpc3MiOiIuLi4ifQ.c2lnbmF0dXJl'] }),
  token_type: Type.Literal('Bearer'),
  expires_in: Type.Integer({ examples: [600] }),
  refresh_token: Type.Optional(Type.String({ examples: ['gr1_bm90IGEgdG9rZW4'] })),
  scope: Type.String({ examples: ['orders:read'] })
}, { title: 'GrantReply', additionalProperties: false })

export type GrantReply = Static<typeof GrantReply>

/** RFC 7662, section 2.2: of a token that is not active, nothing else is said. */
export const Introspection = Type.Object({
  active: Type.Boolean({ examples: [true] }),
  scope: Type.Optional(Type.String({ examples: ['orders:read'] })),
  client_id: Type.Optional(Type.String({ examples: ['019aaf3e-8d2e-7a5b-8c64-1e3f7d2c4b5e'] })),
  username: Type.Optional(Type.String({ examples: ['alice'] })),
  token_type: Type.Optional(Type.String({ examples: ['Bearer'] })),
  exp: Type.Optional(Type.Integer({ examples: [1_772_367_000] })),
  iat: Type.Optional(Type.Integer({ examples: [1_772_366_400] })),
  sub: Type.Optional(Type.String({ examples: ['019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3d'] })),
  aud: Type.Optional(Type.String({ examples: ['api'] })),
  iss: Type.Optional(Type.String({ examples: ['https://auth.example.com'] })),
  jti: Type.Optional(Type.String({ examples: ['0b6c1a52-6d0f-4f0e-9d5a-3c1f5b7a9e11'] })),
  sid: Type.Optional(Type.String({ examples: ['019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3f'] })),
  roles: Type.Optional(Type.Array(Type.String({ examples: ['editor'] })))
}, { title: 'Introspection', additionalProperties: false })

export type Introspection = Static<typeof Introspection>
