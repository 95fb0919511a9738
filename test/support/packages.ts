/** An entry of package-lock.json, as far as anything here asks. */
export interface Locked {
  version?: string
  name?: string
  integrity?: string
  license?: string | undefined
  resolved?: string
  dev?: boolean
  optional?: boolean
  hasInstallScript?: boolean
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
}

export interface Lockfile {
  packages: Record<string, Locked>
}

export interface Manifest {
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
  optionalDependencies: Record<string, string>
  allowScripts: Record<string, boolean>
}

export interface AdvisoryFloor {
  /** For each package the least safe version of every line that has one; `absent` where it is not used yet. */
  least: Record<string, { versions: string[], because: string, absent?: boolean }>
  /** What must not come in, and why. */
  never: Record<string, string>
  /** What may come in through these users alone. */
  below: Record<string, { users: string[], because: string }>
}

export interface Installed extends Locked {
  name: string
  version: string
  /** Where it lies in node_modules. */
  path: string
}

/** Every package of a lockfile, wherever it lies and under whatever alias. */
export function installedOf ({ packages }: Lockfile): Installed[] {
  return Object.entries(packages).filter(([path]) => path !== '').map(([path, entry]) => {
    return { ...entry, path, name: entry.name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length), version: entry.version ?? '0.0.0' }
  })
}

/** What an installation without devDependencies holds. The Node.js binaries are left out: five platforms' forms of one, and none in the image. */
export function productionOf (lockfile: Lockfile, { optionalDependencies }: Manifest): Installed[] {
  return installedOf(lockfile).filter(({ name, dev }) => dev !== true && !(name in optionalDependencies))
}

/** Whether a version is as safe as the least one of its major line, or, in a line that none is given for, newer than all that are. */
export function reaches (version: string, least: readonly string[]): boolean {
  const line = least.filter((one) => numbersOf(one)[0] === numbersOf(version)[0])
  return (line.length > 0 ? line : least).every((one) => compareVersions(version, one) >= 0)
}

/** Below zero, zero or above, as semver orders versions; a pre-release comes before its release, and pre-releases are alike. */
export function compareVersions (a: string, b: string): number {
  const [left, right] = [numbersOf(a), numbersOf(b)]
  const differing = left.findIndex((number, index) => number !== right[index])
  if (differing !== -1) return Number(left[differing]) - Number(right[differing])
  return Number(isPrerelease(b)) - Number(isPrerelease(a))
}

function numbersOf (version: string): number[] {
  const found = /^(\d+)\.(\d+)\.(\d+)(?:[-+]|$)/.exec(version)
  if (found === null) throw new Error(`${version} is no version`)
  return found.slice(1).map(Number)
}

function isPrerelease (version: string): boolean {
  return version.replace(/\+.*/, '').includes('-')
}

/** What of a lockfile lies below the floor, with the reason why the floor is there. */
export function belowFloor (lockfile: Lockfile, { least, never, below }: AdvisoryFloor): string[] {
  const installed = installedOf(lockfile)
  return [
    ...installed.flatMap(({ name, version, path }) => {
      const floor = least[name]
      return floor === undefined || reaches(version, floor.versions) ? [] : [`${path} is ${version}, below ${floor.versions.join(' and ')}: ${floor.because}`]
    }),
    ...installed.filter(({ name }) => name in never).map(({ name, path }) => `${path} must not be used: ${never[name]}`),
    ...Object.entries(below).flatMap(([name, { users, because }]) => usersOf(name, lockfile).filter((user) => !users.includes(user)).map((user) => `${user} uses ${name}: ${because}`)),
    ...Object.entries(least).filter(([name, { absent = false }]) => installed.some((one) => one.name === name) === absent)
      .map(([name, { absent = false }]) => absent ? `${name} is installed and listed as absent` : `${name} is not installed and has a floor: a misspelt name would hold nothing`)
  ]
}

function usersOf (name: string, { packages }: Lockfile): string[] {
  return Object.entries(packages).filter(([, { dependencies, optionalDependencies, peerDependencies }]) => [dependencies, optionalDependencies, peerDependencies].some((list) => list !== undefined && name in list))
    .map(([path]) => path === '' ? 'package.json' : path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length))
}

/** Lock entries that could be something else next time, or come from somewhere else, or run something that nobody allowed. */
export function looseEntries (lockfile: Lockfile, { allowScripts }: Manifest): string[] {
  const scripted = installedOf(lockfile).filter(({ hasInstallScript }) => hasInstallScript === true)
  return [
    ...installedOf(lockfile).filter(({ integrity = '' }) => !/^sha512-[\w+/]{86}==$/.test(integrity)).map(({ path }) => `${path} has no sha512`),
    ...installedOf(lockfile).filter(({ resolved }) => resolved !== undefined).map(({ path }) => `${path} names a registry`),
    ...scripted.filter(({ name }) => !(name in allowScripts)).map(({ path }) => `${path} has an install script that allowScripts does not name`),
    ...Object.keys(allowScripts).filter((name) => !scripted.some((one) => one.name === name)).map((name) => `allowScripts names ${name}, which has no install script`)
  ]
}

/** Direct packages that package.json does not pin to the one version in the lockfile. */
export function unpinned ({ packages }: Lockfile, { dependencies, devDependencies, optionalDependencies }: Manifest): string[] {
  return Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })
    .filter(([name, version]) => packages[`node_modules/${name}`]?.version !== version)
    .map(([name, version]) => `package.json asks for ${name} ${version}`)
}
