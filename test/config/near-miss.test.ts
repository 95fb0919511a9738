import t from 'tap'
import { isNearMiss } from '../../config/near-miss.ts'

t.test('knows a name again with other underscores, or with two changes where it is long', async (t) => {
  for (const [name, known] of [['SECRETKEY', 'SECRET_KEY'], ['PU_BLIC_URL', 'PUBLIC_URL'], ['SECRET_KEI', 'SECRET_KEY'], ['SECRT_KY', 'SECRET_KEY'], ['DATABASE_ULR', 'DATABASE_URL']] as const) {
    t.equal(isNearMiss(name, known), true, name)
  }
})

t.test('takes short and other names for what they are', async (t) => {
  for (const [name, known] of [['POST', 'PORT'], ['HOSTS', 'HOST'], ['SECRETS', 'SECRET_KEY'], ['PATH', 'PORT'], ['DATABASE', 'DATABASE_URL']] as const) t.equal(isNearMiss(name, known), false, name)
})
