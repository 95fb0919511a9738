import { execFileSync } from 'node:child_process'
import t from 'tap'
import { command, done } from '../support/command.ts'

/** What bash offers for the last of these words. */
function offered (script: string, words: string[]): string[] {
  const ask = `${script}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _gatehouse; printf '%s\\n' "\${COMPREPLY[@]}"`
  return execFileSync('bash', ['-c', ask], { encoding: 'utf8' }).split('\n').filter((word) => word !== '')
}

t.test('completes commands and options in bash', async (t) => {
  const script = done(t, await command({}, 'completion', 'bash'), 'bash')
  t.match(offered(script, ['gatehouse', '']), ['users', 'sessions', 'clients', 'keys'])
  t.strictSame(offered(script, ['gatehouse', 'ke']), ['keys'])
  t.strictSame(offered(script, ['gatehouse', 'users', 'set']), ['set-password', 'set-role'])
  t.strictSame(offered(script, ['gatehouse', 'users', 'create', 'alice', '--e']), ['--email'])
  t.strictSame(offered(script, ['gatehouse', 'keys', 'rotate', '--now', '--']), ['--now', '--json', '--help'])
  t.strictSame(offered(script, ['gatehouse', 'backup', '/tm']), [], 'files are left to bash')
  t.match(execFileSync('bash', ['-c', `${script}\ncomplete -p gatehouse; type -t gatehouse`], { encoding: 'utf8' }), /-o default -F _gatehouse gatehouse\nfunction\n/)
})

t.test('says the same words to zsh', async (t) => {
  const [bash, zsh] = await Promise.all(['bash', 'zsh'].map(async (shell) => done(t, await command({}, 'completion', shell), shell)))
  const words = (script = '') => script.slice(0, script.indexOf('_gatehouse () {'))
  t.equal(words(zsh), words(bash))
  t.match(zsh, /\ncompdef _gatehouse gatehouse\n$/)
  t.match(await command({}, 'completion', 'fish'), { code: 2, out: '' })
})
