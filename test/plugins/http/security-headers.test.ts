import t from 'tap'
import { securityHeaders } from '../../../plugins/http/security-headers.ts'

const always = {
  'content-security-policy': 'default-src \'none\'; frame-ancestors \'none\'',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY'
}

t.test('are what an API needs, and no more', async (t) => {
  t.strictSame(securityHeaders({ https: false }), always)
})

t.test('ask for HTTPS where the service is reached by it', async (t) => {
  t.strictSame(securityHeaders({ https: true }), { ...always, 'strict-transport-security': 'max-age=31536000' })
})
