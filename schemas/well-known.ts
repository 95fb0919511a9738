import { Type } from '@sinclair/typebox'

/** A public key as RFC 7517 writes it: public members only, whatever else the key holds. */
export const PublicJwk = Type.Object({
  kty: Type.String(),
  use: Type.Literal('sig'),
  alg: Type.String(),
  kid: Type.String({ description: 'RFC 7638 thumbprint', examples: ['NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'] }),
  crv: Type.Optional(Type.String()),
  x: Type.Optional(Type.String()),
  y: Type.Optional(Type.String()),
  n: Type.Optional(Type.String()),
  e: Type.Optional(Type.String())
}, { title: 'PublicJwk', examples: [{ kty: 'EC', use: 'sig', alg: 'ES256', kid: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs', crv: 'P-256', x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU', y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0' }], additionalProperties: false })

export const JwksReply = Type.Object({
  keys: Type.Array(PublicJwk)
}, { title: 'JwksReply', additionalProperties: false })

export const KeyFileParams = Type.Object({
  file: Type.String({ description: 'A key id and ".pem"', examples: ['NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs.pem'] })
}, { additionalProperties: false })

/** RFC 8414, section 2: what is really there, and nothing else. */
export const ServerMetadata = Type.Object({
  issuer: Type.String({ examples: ['https://auth.example.com'] }),
  jwks_uri: Type.String({ examples: ['https://auth.example.com/.well-known/jwks.json'] }),
  token_endpoint: Type.String({ examples: ['https://auth.example.com/oauth/token'] }),
  introspection_endpoint: Type.String({ examples: ['https://auth.example.com/oauth/introspect'] }),
  revocation_endpoint: Type.String({ examples: ['https://auth.example.com/oauth/revoke'] }),
  response_types_supported: Type.Array(Type.String({ examples: ['none'] })),
  grant_types_supported: Type.Array(Type.String({ examples: ['client_credentials'] })),
  token_endpoint_auth_methods_supported: Type.Array(Type.String({ examples: ['client_secret_basic'] })),
  introspection_endpoint_auth_methods_supported: Type.Array(Type.String({ examples: ['client_secret_basic'] })),
  revocation_endpoint_auth_methods_supported: Type.Array(Type.String({ examples: ['client_secret_basic'] }))
}, { title: 'ServerMetadata', additionalProperties: false })

/** OpenID Connect Discovery 1.0, section 3, for verifiers that look for keys there. */
export const ProviderMetadata = Type.Composite([ServerMetadata, Type.Object({
  subject_types_supported: Type.Array(Type.String({ examples: ['public'] })),
  id_token_signing_alg_values_supported: Type.Array(Type.String({ examples: ['ES256'] }))
})], { title: 'ProviderMetadata', additionalProperties: false })

export const PublicKeyPem = Type.String({ description: 'SPKI in PEM', examples: ['-----BEGIN PUBLIC KEY-----\n…\n-----END PUBLIC KEY-----\n'] })
