/** Where the next page goes on: behind this key. */
export function cursorAfter (key: string): string {
  return Buffer.from(key).toString('base64url')
}

/** The key that a cursor was made of; null where nobody made it. */
export function readCursor (cursor: string): string | null {
  const key = Buffer.from(cursor, 'base64url').toString()
  return key !== '' && !key.includes('\0') && cursorAfter(key) === cursor ? key : null
}
