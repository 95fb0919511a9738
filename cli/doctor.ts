import type { Command } from 'commander'
import { type Config, readConfig } from '../config.ts'
import { type Finding, judging } from './doctor/finding.ts'
import { checkAdministrator, checkBlocklist, checkHashing, checkKeys, checkProxy } from './doctor/inside.ts'
import { checkDatabase, checkEnvironment, checkFiles, checkIssuer, checkNode, checkSecret } from './doctor/outside.ts'
import { type Json, print, printJson } from './output.ts'
import { type World, withApp } from './service.ts'

export function addDoctor (program: Command, world: World): void {
  program.command('doctor')
    .description('look for what usually goes wrong, and say what to do; it makes and migrates nothing')
    .option('--json', 'for programs')
    .addHelpText('after', `
It asks PUBLIC_URL for one document, and nobody else. Ends with 1 where something cannot work, and with 0 where there are warnings alone.

Examples:
  cli doctor
  cli doctor --json`)
    .action(async ({ json }: Json) => {
      const findings = await examine(world)
      if (json === true) printJson(world, { checks: findings })
      else for (const finding of findings) print(world, lineOf(finding))
      const failures = findings.filter(({ verdict }) => verdict === 'failure')
      if (failures.length > 0) throw new Error(`What cannot work: ${failures.map(({ check }) => check).join(', ')}`)
    })
}

async function examine (world: World): Promise<Finding[]> {
  const config = configOf(world)
  const node = checkNode(process.versions.node)
  if (Array.isArray(config)) return [...node, ...config]
  const [{ findings, usable }, issuer] = await Promise.all([checkDatabase(config), checkIssuer(config)])
  const secret = checkSecret(world, config)
  const outside = [...node, ...checkEnvironment(world, config), ...secret, ...findings, ...checkFiles(config), ...issuer]
  return usable && secret.every(({ verdict }) => verdict !== 'failure') ? [...outside, ...await examineInside(world)] : outside
}

function configOf ({ environment }: World): Config | Finding[] {
  try {
    return readConfig(environment)
  } catch (error) {
    return (error as { faults: string[] }).faults.map((fault) => judging('configuration').failure(fault, 'docs/configuration.md has every variable.'))
  }
}

async function examineInside (world: World): Promise<Finding[]> {
  try {
    return await withApp(world, async (app, config) => [
      ...checkKeys(app), ...await checkHashing(world, app, config), ...checkBlocklist(app), ...await checkAdministrator(app), ...await checkProxy(app, config)
    ], { looking: true })
  } catch (error) {
    return [judging('service').failure(`It does not start: ${(error as Error).message}`, 'The words above say what is wanted.')]
  }
}

function lineOf ({ check, verdict, finding, remedy }: Finding): string {
  return `${verdict.padEnd(8)} ${check.padEnd(14)} ${finding}${remedy === null ? '' : `\n${' '.repeat(24)}-> ${remedy}`}`
}
