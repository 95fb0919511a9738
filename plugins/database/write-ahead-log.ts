const headerBytes = 32
const frameHeaderBytes = 24
/** Of the two signatures that a log begins with, the one whose sums are of big-endian words. */
const bigEndian = 0x377f0683

/**
 * How many frames of a write-ahead log are as SQLite wrote them, up to the first that is not (its file format, section 4): each carries the
 * sum of all before it. SQLite looks at the sums when it recovers, and at none when it copies the log into the database.
 */
export function soundFrames (log: Buffer): number {
  if (log.length < headerBytes) return 0
  const read = log.readUInt32BE(0) === bigEndian ? (at: number) => log.readUInt32BE(at) : (at: number) => log.readUInt32LE(at)
  const [pageBytes, salt1, salt2] = [log.readUInt32BE(8), log.readUInt32BE(16), log.readUInt32BE(20)]
  let [sum1, sum2] = [0, 0]
  function add (from: number, to: number): void {
    for (let at = from; at < to; at += 8) {
      sum1 = (sum1 + read(at) + sum2) >>> 0
      sum2 = (sum2 + read(at + 4) + sum1) >>> 0
    }
  }
  const isSummed = (at: number) => log.readUInt32BE(at) === sum1 && log.readUInt32BE(at + 4) === sum2

  add(0, frameHeaderBytes)
  if (!isSummed(frameHeaderBytes)) return 0
  const frameBytes = frameHeaderBytes + pageBytes
  let frames = 0
  for (let at = headerBytes; at + frameBytes <= log.length; at += frameBytes) {
    add(at, at + 8)
    add(at + frameHeaderBytes, at + frameBytes)
    if (log.readUInt32BE(at + 8) !== salt1 || log.readUInt32BE(at + 12) !== salt2 || !isSummed(at + 16)) return frames
    frames++
  }
  return frames
}
