import { verify } from 'node:crypto'
import jwt from '@fastify/jwt'
import Fastify from 'fastify'
import { parseStrictJsonBytes } from '../../plugins/strict-json/parse.ts'
import { createVerifier, type Identity, type VerifierOptions } from '../../plugins/tokens/verifier.ts'
import { faultsOf } from '../plugins/tokens/oracle.ts'
import { createChance } from './chance.ts'
import { type Mutant, mutate } from './mutations.ts'
import { expected, type Key, keys, type Seed, seeds } from './seeds.ts'

export interface Finding extends Mutant {
  /** What the verifier said of it, and all that the oracle has against it. */
  outcome: string
  faults: string[]
}

export interface Report {
  count: number
  seconds: number
  seed: number
  /** How many the verifier took that nobody vouched for, or that the oracle refuses. */
  accepted: number
  /** How often verifier and oracle differed, in the verdict or in its reason. */
  disagreements: number
  /** What became of them: outcome, then algorithm of the token they were made of. */
  outcomes: Map<string, Map<string, number>>
  /** The first few. */
  findings: Finding[]
}

export interface CampaignOptions {
  seed: number
  /** Goes on while this holds, asked now and then. */
  goesOn: (count: number, seconds: number) => boolean
  /** Of the mutants that nothing but the signature tells from good tokens one in so many is tried, and the others not counted: each costs as much as dozens. */
  deep?: number
  /** Stands in for the verifier of the service, to show that a worse one is found out. */
  create?: (options: VerifierOptions) => { verify (token: string): Identity }
}

const byId = new Map(keys.map((key) => [key.kid, key]))
const goods = new Set(seeds.map(({ text }) => text))

const taken = 'accepted'
const forged = 'forged'
const mostFindings = 10
/** Mutants between two questions whether to go on, and between two looks whether good tokens are still taken. */
const round = 1000

/** Mutants of good tokens of all three algorithms, each shown to the verifier, with the signature check of the service, and to the oracle. */
export async function runCampaign ({ seed, goesOn, deep = 1, create = createVerifier }: CampaignOptions): Promise<Report> {
  const chance = createChance(seed)
  const verifier = create({ ...expected, now: () => expected.now, parseJson: parseStrictJsonBytes, cacheSize: 100, isRevoked: () => false, keys: { find: (kid) => byId.get(kid), version: 1 }, verifySignature: await signatureCheck() })
  const report: Report = { count: 0, seconds: 0, seed, accepted: 0, disagreements: 0, outcomes: new Map(), findings: [] }
  const began = performance.now()

  do {
    for (let i = 0; i < round; i++) {
      const parent = seeds[i % seeds.length] as Seed
      judge(mutate(parent, chance), parent)
    }
    for (const good of seeds) judge({ what: 'as it was issued', text: good.text, vouched: true }, good)
    report.seconds = (performance.now() - began) / 1000
  } while (goesOn(report.count, report.seconds))
  return report

  function judge (mutant: Mutant, { key: { alg } }: Seed): void {
    const isGood = goods.has(mutant.text)
    const faults = readingFaults(mutant.text)
    if (faults.length === 0 && !isGood) {
      if (!mutant.vouched && deep > 1 && !chance.once(deep)) return
      faults.push(...signatureFaults(mutant.text))
    }
    const outcome = outcomeOf(verifier, mutant.text)
    const wrong = outcome === taken && (faults.length > 0 || !(mutant.vouched || isGood))
    const differs = outcome === taken ? faults.length > 0 : !faults.includes(outcome)
    report.count++
    if (wrong) report.accepted++
    if (differs) report.disagreements++
    if ((wrong || differs) && report.findings.length < mostFindings) report.findings.push({ ...mutant, outcome, faults })
    const byAlgorithm = report.outcomes.get(outcome) ?? new Map<string, number>()
    report.outcomes.set(outcome, byAlgorithm.set(alg, (byAlgorithm.get(alg) ?? 0) + 1))
  }
}

/** As the service checks signatures: one call of the library, which is told the key. */
async function signatureCheck (): Promise<VerifierOptions['verifySignature']> {
  const app = Fastify()
  await app.register(jwt, { secret: { public: unnamed, private: unnamed }, verify: { cache: false, errorCacheTTL: 0 } })
  await app.ready()
  const times = { clockTimestamp: expected.now, clockTolerance: expected.clockSkew * 1000, allowedIss: expected.issuer, allowedAud: expected.audience }
  return (token, { alg, publicPem }) => {
    try {
      app.jwt.verify(token, { key: publicPem, algorithms: [alg], ...times })
    } catch (error) {
      throw Object.assign(new Error(forged, { cause: error }), { reason: forged })
    }
  }
}

function unnamed (): never {
  throw new Error('every call names its key')
}

function outcomeOf (verifier: { verify (token: string): Identity }, text: string): string {
  try {
    const { tokenId } = verifier.verify(text)
    return tokenId === idOf(text) ? taken : `the identity of ${tokenId}`
  } catch (error) {
    return (error as { reason?: string }).reason ?? String(error)
  }
}

function idOf (text: string): unknown {
  return (JSON.parse(Buffer.from(text.split('.')[1] as string, 'base64url').toString()) as { jti?: unknown }).jti
}

/** All that the oracle finds wrong with a token before its signature, its key included. */
function readingFaults (text: string): string[] {
  const faults = faultsOf(text, expected)
  if (faults.length > 0) return faults
  const { alg, kid } = headerOf(text)
  return byId.get(kid)?.alg === alg ? [] : ['key']
}

/** What OpenSSL itself says of the signature of a token that is whole. */
function signatureFaults (text: string): string[] {
  const { alg, kid } = headerOf(text)
  const dot = text.lastIndexOf('.')
  const { publicKey } = byId.get(kid) as Key
  const holds = verify(alg === 'EdDSA' ? null : 'sha256', Buffer.from(text.slice(0, dot)), { key: publicKey, dsaEncoding: 'ieee-p1363' }, Buffer.from(text.slice(dot + 1), 'base64url'))
  return holds ? [] : [forged]
}

function headerOf (text: string): { alg: string, kid: string } {
  return JSON.parse(Buffer.from(text.slice(0, text.indexOf('.')), 'base64url').toString())
}
