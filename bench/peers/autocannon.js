import { text } from 'node:stream/consumers'
import autocannon from 'autocannon'

// One slice of requests, where there is no wrk: what to ask for comes in on standard input.
const { url, requests, seconds, connections } = JSON.parse(await text(process.stdin))
const { non2xx, errors, timeouts, '2xx': count, duration } = await autocannon({ url, requests, connections, duration: seconds })
if (non2xx + errors + timeouts > 0) throw new Error(`not every answer was a success: ${non2xx} others, ${errors} errors`)
process.stdout.write(JSON.stringify({ count, rate: count / duration }))
