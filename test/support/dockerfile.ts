/** One instruction, its continuation lines joined. `text` is what follows the name and the flags. */
export interface Instruction {
  name: string
  flags: Record<string, string>
  text: string
}

export interface Stage {
  from: string
  name: string
  instructions: Instruction[]
}

export interface Dockerfile {
  /** The ARGs before the first FROM. */
  args: Instruction[]
  stages: Stage[]
}

/** Reads the subset of the format that our Dockerfile keeps to: no heredocs, no parser directives, no ONBUILD. */
export function parse (source: string): Dockerfile {
  const args: Instruction[] = []
  const stages: Stage[] = []
  for (const line of logicalLines(source)) {
    const instruction = parseLine(line)
    if (instruction.name === 'FROM') stages.push(openStage(instruction))
    else (stages.at(-1)?.instructions ?? args).push(instruction)
  }
  return { args, stages }
}

/** The arguments of an instruction in exec form; undefined when it is in shell form. */
export function execForm (text: string): string[] | undefined {
  return text.startsWith('[') ? JSON.parse(text) : undefined
}

/** `A=1 B="two words"`, as ENV, LABEL and ARG take it. */
export function pairs (text: string): Record<string, string> {
  const found = text.matchAll(/([\w.-]+)(?:=("[^"]*"|\S*))?(?:\s+|$)/g)
  return Object.fromEntries([...found].map(([, key = '', value = '']) => [key, value.replace(/^"|"$/g, '')]))
}

/** The text of the one instruction of that name, or of the last, which is the one that counts. */
export function textOf (stage: Stage, name: string): string | undefined {
  return stage.instructions.findLast((instruction) => instruction.name === name)?.text
}

function logicalLines (source: string): string[] {
  return source.split('\n').filter((line) => !/^\s*(#|$)/.test(line)).join('\n').replace(/\\\n\s*/g, '').split('\n')
}

function parseLine (line: string): Instruction {
  const [, name = '', flags = '', text = ''] = /^(\w+)\s+((?:--[\w-]+(?:=\S+)?\s+)*)(.*)$/.exec(line) ?? []
  if (name === '' || text.includes('<<')) throw new Error(`The test does not read this line of the Dockerfile: ${line}`)
  const entries = [...flags.matchAll(/--([\w-]+)(?:=(\S+))?/g)].map(([, key = '', value = '']) => [key, value])
  return { name: name.toUpperCase(), flags: Object.fromEntries(entries), text: text.trim() }
}

function openStage ({ text }: Instruction): Stage {
  const [from = '', , name = ''] = text.split(/\s+/)
  return { from, name, instructions: [] }
}
