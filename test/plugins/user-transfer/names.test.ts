import t from 'tap'
import { createNames } from '../../../plugins/user-transfer/names.ts'

t.test('knows which name was given away, in any case', async (t) => {
  const names = createNames()
  t.equal(names.taken({ username: 'alice' }), null)
  names.take({ username: 'Alice', email: 'Alice@example.org', id: '0' })
  names.take({ username: 'bob', email: null })
  t.equal(names.taken({ username: 'aLICE' }), 'the username is taken')
  t.equal(names.taken({ username: 'carol', email: 'alice@EXAMPLE.org' }), 'the e-mail address is taken')
  t.equal(names.taken({ username: 'carol', id: '0' }), 'the id is taken')
  t.equal(names.taken({ username: 'carol', email: null }), null)
})
