import { BlockList, isIP } from 'node:net'
import { availableParallelism, totalmem } from 'node:os'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../../config.ts'
import type { World } from '../service.ts'
import { type Finding, judging } from './finding.ts'

/** Sessions whose addresses are looked at. */
const most = 200
/** Fewer say nothing about where clients come from. */
const fewest = 10

const keys = judging('keys')
const hashing = judging('hashing')
const blocklist = judging('blocklist')
const proxy = judging('TRUST_PROXY')
const administrator = judging('administrator')

export function checkKeys ({ keys: { list }, clock }: FastifyInstance): Finding[] {
  const reports = list()
  const active = reports.find(({ state }) => state === 'active')
  const next = reports.find(({ state }) => state === 'next')
  if (active === undefined) return [keys.failure('No key signs.', '"cli keys rotate --now" makes the next one sign.')]
  const late = clock.now() > (active.endsAt ?? Number.POSITIVE_INFINITY)
  const ends = active.endsAt === null ? '' : ` Its last token ends ${new Date(active.endsAt).toISOString()}.`
  return [
    late ? keys.warning(`The active key ${active.kid} should have been replaced.`, 'Keys change while a service runs: start one.') : keys.ok(`${active.kid} (${active.alg}) signs.${ends}`),
    next === undefined ? keys.warning('No next key is published.', 'Start the service, which makes one, before the active key is to be replaced.') : keys.ok(`${next.kid} (${next.alg}) is next, from ${new Date(next.signsFrom).toISOString()} on.`)
  ]
}

export async function checkHashing ({ environment }: World, { clock, passwords }: FastifyInstance, { hashing: { concurrency }, passwords: { memory } }: Config): Promise<Finding[]> {
  const began = clock.monotonic()
  await passwords.hash('how long this takes', { network: '' })
  const took = Math.round(clock.monotonic() - began)
  const wanted = concurrency * memory * 1024
  const free = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY)
  const build = environment['ARGON2_PREBUILD'] === undefined ? 'the build of argon2 from npm' : 'the build of argon2 for this processor'
  return [
    hashing.ok(`A password takes ${took} ms, with ${build}; ${concurrency} at once on ${availableParallelism()} processors.`),
    ...wanted > free / 2 ? [hashing.warning(`${concurrency} at once take ${Math.round(wanted / 2 ** 20)} MiB, of ${Math.round(free / 2 ** 20)} there are.`, 'Lower HASH_CONCURRENCY or ARGON2_MEMORY, or leave the first to its default.')] : []
  ]
}

export function checkBlocklist ({ passwords }: FastifyInstance): Finding[] {
  try {
    passwords.admit('password1', [])
    return [blocklist.failure('A very common password was not refused.', 'Install anew: plugins/passwords/blocklist.bin is not the one that belongs to this release.')]
  } catch {
    return [blocklist.ok('Common passwords are refused.')]
  }
}

export async function checkAdministrator ({ users }: FastifyInstance): Promise<Finding[]> {
  const nobody = ''
  if (await users.isHeldBeside(nobody, 'admin')) return [administrator.ok('There is one.')]
  return [await users.isHeld('admin')
    ? administrator.warning('Nobody who has the role admin can sign in: they are disabled, or have no password.', '"cli users enable NAME" or "cli users set-password NAME" helps one of them.')
    : administrator.warning('Nobody has the role admin.', '"cli users create NAME --role admin" makes one, or "cli users set-role NAME admin".')]
}

/** What arrived is seen in the addresses of sessions: those of clients, or always that of a gateway. */
export async function checkProxy ({ sessions }: FastifyInstance, { http: { trustProxy } }: Config): Promise<Finding[]> {
  const addresses = (await sessions.addresses(most)).filter((address) => isIP(address) !== 0)
  const trusted = listOf(trustProxy)
  const ofGateway = addresses.filter((address) => trusted.check(address, familyOf(address)))
  const alone = new Set(addresses).size === 1 && addresses.length >= fewest
  if (ofGateway.length >= fewest && ofGateway.length === addresses.length) {
    return [proxy.warning('Every session came from an address that TRUST_PROXY names: the gateway hands on no address of a client.', 'Let it set X-Forwarded-For, or all of its clients share one limit.')]
  }
  if (trustProxy.length === 0 && alone) {
    return [proxy.warning(`The last ${addresses.length} sessions all came from ${addresses[0]}.`, 'If that is a gateway, set TRUST_PROXY to its address, or all of its clients share one limit.')]
  }
  return [proxy.ok(addresses.length < fewest ? 'Too few sessions to tell what arrives.' : 'Sessions come from addresses of clients.')]
}

function listOf (ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', bits] = range.split('/')
    list.addSubnet(address, Number(bits ?? (isIP(address) === 4 ? 32 : 128)), familyOf(address))
  }
  return list
}

function familyOf (address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6'
}
