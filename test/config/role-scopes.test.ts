import t from 'tap'
import { readRoleScopes } from '../../config/role-scopes.ts'

t.test('reads each role with its scopes', async (t) => {
  t.same(readRoleScopes(''), {})
  t.same(readRoleScopes('editor=read write;viewer=read'), { editor: ['read', 'write'], viewer: ['read'] })
  t.same(readRoleScopes(' editor = read  write ; ; viewer=read; '), { editor: ['read', 'write'], viewer: ['read'] })
  t.same(readRoleScopes('ops:db=orders:read https://example.org/a=b'), { 'ops:db': ['orders:read', 'https://example.org/a=b'] }, 'what RFC 6749 lets a scope be')
  t.same(Object.keys(readRoleScopes('__proto__=read') ?? {}), ['__proto__'], 'a name like any other')
})

t.test('refuses what it would have to guess at', async (t) => {
  for (const text of ['editor', '=read', 'editor=', 'editor=read;editor=write', 'ed itor=read', 'editor=re"ad', 'editor=re\\ad', 'editor=r\u00e9ad', 'editor=read\nwrite', `${'r'.repeat(65)}=read`, `editor=${'s'.repeat(65)}`]) t.equal(readRoleScopes(text), null, text)
})

t.test('holds all scopes together to 512 characters, each counted once', async (t) => {
  const scopes = Array.from({ length: 16 }, (_, index) => String(index).padStart(31, 's')).join(' ')
  t.equal(scopes.length, 511)
  t.ok(readRoleScopes(`a=${scopes};b=${scopes}`))
  t.equal(readRoleScopes(`a=${scopes};b=xx`), null)
})
