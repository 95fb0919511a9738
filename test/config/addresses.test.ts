import t from 'tap'
import { isBaseUrl, isCidr, isOrigin } from '../../config/addresses.ts'

const cases = [
  ['an address to append to', isBaseUrl, ['http://localhost:3000', 'https://auth.example.org/gate'], ['', 'auth.example.org', 'ftp://auth.example.org', 'https://auth.example.org/', 'https://a@auth.example.org', 'https://:b@auth.example.org', 'https://auth.example.org?a', 'https://auth.example.org#a', 'https://auth.example.org/a b', 'HTTPS://auth.example.org']],
  ['an origin', isOrigin, ['https://app.example.org', 'http://localhost:8080'], ['', '*', 'null', 'https://app.example.org/', 'https://app.example.org:443', 'https://APP.example.org', 'app.example.org']],
  ['an address or a range', isCidr, ['10.0.0.1', '10.0.0.0/8', '::1', 'fd00::/8', '0.0.0.0/1'], ['', '1', 'true', 'localhost', '10.0.0.0/0', '10.0.0.0/33', '::/129', '10.0.0.0/8/8', '10.0.0.0/', 'fe80::1%eth0', '10.0.0', '10.0.0.0/x']]
] as const

for (const [what, judge, good, bad] of cases) {
  t.test(`tells ${what} from anything else`, async (t) => {
    for (const text of good) t.ok(judge(text), text)
    for (const text of bad) t.notOk(judge(text), text)
  })
}
