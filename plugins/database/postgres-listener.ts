import pg, { type ClientConfig } from 'pg'

export interface ListenerOptions {
  config: ClientConfig
  /** What is listened to: lower-case letters. */
  channel: string
  /** Called with what was said, and with null after each time that something may have been missed. */
  heard: (topic: string | null) => void
  /** Milliseconds between two attempts to connect. */
  patience: number
}

export interface Listener {
  start (): void
  stop (): Promise<void>
}

/**
 * Listens to what other processes say (NOTIFY), on a connection of its own that is made again whenever it is lost. A word
 * that is missed is made up for by whoever reads the database by himself from time to time.
 */
export function createListener ({ config, channel, heard, patience }: ListenerOptions): Listener {
  let client: pg.Client | null = null
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  async function connect (): Promise<void> {
    if (stopped) return
    const made = new pg.Client(config)
    client = made
    const lost = once(() => {
      if (client === made) client = null
      void made.end().catch(() => {})
      if (!stopped) timer = setTimeout(connect, patience).unref()
    })
    made.on('error', lost)
    made.on('end', lost)
    made.on('notification', ({ payload = '' }) => heard(payload))
    try {
      await made.connect()
      await made.query(`listen ${channel}`)
      heard(null)
    } catch {
      lost()
    }
  }

  return {
    start () { void connect() },
    async stop () {
      stopped = true
      clearTimeout(timer)
      await client?.end().catch(() => {})
    }
  }
}

function once (work: () => void): () => void {
  let done = false
  return () => {
    if (done) return
    done = true
    work()
  }
}
