import { dirname } from 'node:path'
import { Argument, type Command } from 'commander'
import { print } from './output.ts'
import type { World } from './service.ts'

/** The folder that npm runs this in. */
const root = dirname(import.meta.dirname)

const shells = ['bash', 'zsh'] as const

export function addCompletion (program: Command, world: World): void {
  program.command('completion')
    .description('print what teaches a shell the command "gatehouse", and to complete it')
    .addArgument(new Argument('<shell>').choices(shells))
    .addHelpText('after', `
Paths that are not absolute are below Gatehouse's folder, wherever the command is given.

Examples:
  cli completion bash
  eval "$(npm run --silent cli -- completion bash)"
  eval "$(npm run --silent cli -- completion zsh)"`)
    .action((shell: typeof shells[number]) => print(world, [command, wordsOf(program), completions[shell]].join('\n')))
}

const command = `gatehouse () { npm --prefix '${root.replaceAll('\'', '\'\\\'\'')}' run --silent cli -- "$@"; }`

/** A function of both shells: what may follow the commands that were called so far; fails where these are none. */
function wordsOf (program: Command): string {
  const cases = callsOf(program).map(({ path, words }) => `    '${path.join(' ')}') echo '${words.join(' ')}' ;;`)
  return ['_gatehouse_words () {', '  case "$1" in', ...cases, '    *) return 1 ;;', '  esac', '}'].join('\n')
}

function callsOf (command: Command, path: string[] = []): Array<{ path: string[], words: string[] }> {
  const { commands, options } = command
  const words = [...commands.map((one) => one.name()), ...options.map(({ long }) => String(long)), '--help']
  return [{ path, words }, ...commands.flatMap((one) => callsOf(one, [...path, one.name()]))]
}

// What is no command on the way is an argument or an option; where nothing fits, a file may.
const walk = `    if _gatehouse_words "\${called:+$called }$word" >/dev/null; then called="\${called:+$called }$word"; fi`
const completions = {
  bash: `_gatehouse () {
  local called= word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
${walk}
  done
  COMPREPLY=($(compgen -W "$(_gatehouse_words "$called")" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _gatehouse gatehouse`,
  zsh: `_gatehouse () {
  local called= word
  for word in "\${(@)words[2,CURRENT-1]}"; do
${walk}
  done
  compadd -- \${=$(_gatehouse_words "$called")} || _files
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _gatehouse gatehouse`
}
