export interface ReadClaims {
  sub: string
  sid: string
  jti: string
  iat: number
  exp: number
}

/** What an access token says, for whoever holds it: nothing is verified. */
export function readClaims (accessToken: string): ReadClaims {
  return JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString())
}
