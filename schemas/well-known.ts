import { Type } from '@sinclair/typebox'

/** A public key as RFC 7517 writes it: public members only, whatever else the key holds. */
export const PublicJwk = Type.Object({
  kty: Type.String(),
  use: Type.Literal('sig'),
  alg: Type.String(),
  kid: Type.String({ description: 'RFC 7638 thumbprint' }),
  crv: Type.Optional(Type.String()),
  x: Type.Optional(Type.String()),
  y: Type.Optional(Type.String()),
  n: Type.Optional(Type.String()),
  e: Type.Optional(Type.String())
}, { additionalProperties: false })

export const JwksReply = Type.Object({
  keys: Type.Array(PublicJwk)
}, { additionalProperties: false })

export const KeyFileParams = Type.Object({
  file: Type.String({ description: 'A key id and ".pem"' })
}, { additionalProperties: false })

/** RFC 8414, section 2: what is really there, and nothing else. */
export const ServerMetadata = Type.Object({
  issuer: Type.String(),
  jwks_uri: Type.String(),
  token_endpoint: Type.String(),
  introspection_endpoint: Type.String(),
  revocation_endpoint: Type.String(),
  response_types_supported: Type.Array(Type.String()),
  grant_types_supported: Type.Array(Type.String()),
  token_endpoint_auth_methods_supported: Type.Array(Type.String()),
  introspection_endpoint_auth_methods_supported: Type.Array(Type.String()),
  revocation_endpoint_auth_methods_supported: Type.Array(Type.String())
}, { additionalProperties: false })

/** OpenID Connect Discovery 1.0, section 3, for verifiers that look for keys there. */
export const ProviderMetadata = Type.Composite([ServerMetadata, Type.Object({
  subject_types_supported: Type.Array(Type.String()),
  id_token_signing_alg_values_supported: Type.Array(Type.String())
})], { additionalProperties: false })
