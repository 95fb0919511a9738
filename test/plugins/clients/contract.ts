import { randomUUIDv7 } from 'node:crypto'
import type { Test } from 'tap'
import { type ClientRecord, createClientRepository } from '../../../plugins/clients/repository.ts'
import type { Queries } from '../../../plugins/database.ts'

const newClient = (members: Partial<ClientRecord> = {}): ClientRecord => ({
  id: randomUUIDv7(), name: 'billing', scopes: [], secretDigest: 'digest', formerDigest: null, formerUntil: null, createdAt: 1_772_366_400_123, ...members
})

/** What the client repository promises, whatever database it is on. `open` gives a new empty one. */
export function clientsContract (t: Test, open: (t: Test) => Promise<Queries>): void {
  t.test('finds and lists what was added, as it was, the oldest first', async (t) => {
    const clients = createClientRepository(await open(t))
    t.strictSame(await clients.list(), [])
    const added = [newClient({ createdAt: 1 }), newClient({ createdAt: 2, name: '\'; drop table clients; --', scopes: ['a', 'b:c'], formerDigest: 'former', formerUntil: 5 }), newClient({ createdAt: 3 })]
    for (const client of added.toReversed()) await clients.add(client)
    t.strictSame(await clients.list(), added, 'a name may be another\'s too')
    for (const client of added) t.strictSame(await clients.find(client.id), client)
    for (const id of ['', 'billing', '%']) t.equal(await clients.find(id), null)
    await t.rejects(clients.add(newClient({ id: added[0]?.id ?? '' })), 'an id is one client\'s')
  })

  t.test('changes the secret of one client alone', async (t) => {
    const clients = createClientRepository(await open(t))
    const [one, other] = [newClient({ createdAt: 1 }), newClient({ createdAt: 2 })]
    for (const client of [one, other]) await clients.add(client)
    const secret = { secretDigest: 'second', formerDigest: 'digest', formerUntil: 9 }
    await clients.setSecret(one.id, secret)
    await clients.setSecret(randomUUIDv7(), secret)
    t.strictSame(await clients.list(), [{ ...one, ...secret }, other])
  })

  t.test('removes one client alone, and says whether it was there', async (t) => {
    const clients = createClientRepository(await open(t))
    const [one, other] = [newClient({ createdAt: 1 }), newClient({ createdAt: 2 })]
    for (const client of [one, other]) await clients.add(client)
    t.strictSame([await clients.remove(one.id), await clients.remove(one.id), await clients.remove('')], [true, false, false])
    t.strictSame(await clients.list(), [other])
  })
}
