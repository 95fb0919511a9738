import { Type } from '@sinclair/typebox'

/** For routes that ask nothing of a query: one that is misspelt, or meant for another route, is refused as everywhere. */
export const NoQuery = Type.Object({}, { additionalProperties: false })
