import { type Static, Type } from '@sinclair/typebox'

const Names = Type.Union([Type.String(), Type.Array(Type.String())])

export const VerifyQuery = Type.Object({
  role: Type.Optional({ ...Names, description: 'Roles that are all needed; may come several times' }),
  scope: Type.Optional({ ...Names, description: 'Scopes that are all needed; may come several times' })
})
export type VerifyQuery = Static<typeof VerifyQuery>

const type = 'string'

/** No body: who the token speaks for stands in headers, each of them always there and empty where there is nothing. */
export const VerifyHeaders = Type.Null({
  description: 'The request may pass',
  headers: {
    'X-Auth-User-Id': { type, description: 'The id of the user; empty for a client\'s own token' },
    'X-Auth-Username': { type, description: 'The name of the user, in lower case' },
    'X-Auth-Session-Id': { type, description: 'The session that the token belongs to' },
    'X-Auth-Client-Id': { type, description: 'The client that the token was issued to' },
    'X-Auth-Roles': { type, description: 'The roles of the user, separated by one space' },
    'X-Auth-Scopes': { type, description: 'The scopes of the token, separated by one space' }
  }
})
