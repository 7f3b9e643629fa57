/** The supply chain as far as files tell it: what is installed is what was locked, and runs nothing unasked. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { suite } from './support/suite.ts'

const ROOT = join(import.meta.dirname, '..')

type LockedPackage = {
  readonly version?: string
  readonly integrity?: string
  readonly resolved?: string
  readonly hasInstallScript?: boolean
  readonly dev?: boolean
  readonly link?: boolean
  readonly dependencies?: object
  readonly optionalDependencies?: object
}
type Manifest = { readonly dependencies: object; readonly devDependencies: object }

const manifest = readJson<Manifest & { readonly allowScripts?: Readonly<Record<string, boolean>> }>(
  'package.json',
)
const lock = readJson<{
  readonly lockfileVersion: number
  readonly packages: Readonly<Record<string, LockedPackage & Partial<Manifest>>>
}>('package-lock.json')
const packages = Object.entries(lock.packages).filter(([path]) => path !== '')

/** Versions before these have published advisories; version 2 of the server reads bodies twice as fast. */
const LEAST_VERSIONS = { hono: [4, 12, 12], '@hono/node-server': [2, 0, 0] } as const

const test = suite('the lock file')

test('locks what package.json asks for', () => {
  assert.is(lock.lockfileVersion, 3)
  const root = lock.packages['']
  assert.equal(root?.dependencies, manifest.dependencies)
  assert.equal(root?.devDependencies, manifest.devDependencies)
})

test('is complete for every platform, or npm ci refuses it', () => {
  const missing = packages.flatMap(([path, { dependencies = {}, optionalDependencies = {} }]) => {
    const names = Object.keys({ ...dependencies, ...optionalDependencies })
    return names.filter((name) => !isLockedFor(path, name)).map((name) => `${path} needs ${name}`)
  })
  assert.is(missing.length, 0, missing.join('\n'))
})

test('pins every package by its SHA-512', () => {
  assert.ok(packages.length > 0)
  for (const [path, { integrity, link }] of packages) {
    assert.ok(!link, `${path} is a link into the file system`)
    assert.match(integrity ?? 'none', /^sha512-[A-Za-z0-9+/]{86}==$/, `${path} has integrity ${integrity}`)
  }
})

test('names no host, so that it installs from whichever registry is configured', () => {
  assert.equal(
    packages.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path),
    [],
  )
})

test('lets only listed packages run install scripts, and none that is shipped', () => {
  const scripted = packages.filter(([, { hasInstallScript }]) => hasInstallScript)
  const allowed = Object.entries(manifest.allowScripts ?? {}).filter(([, allow]) => allow)
  assert.equal(scripted.map(([path]) => nameOf(path)).sort(), allowed.map(([name]) => name).sort())
  assert.equal(
    scripted.filter(([, { dev }]) => !dev).map(([path]) => path),
    [],
  )
})

test('has no version with a known advisory', () => {
  for (const [name, least] of Object.entries(LEAST_VERSIONS)) {
    const found = packages.filter(([path]) => nameOf(path) === name)
    assert.ok(found.length > 0, `${name} is not locked`)
    for (const [path, { version = '' }] of found) {
      assert.ok(isAtLeast(version, least), `${path} is ${version}, older than ${least.join('.')}`)
    }
  }
})

test('versions are compared as numbers', () => {
  assert.ok(isAtLeast('4.12.12', [4, 12, 12]))
  assert.ok(isAtLeast('5.0.0', [4, 12, 12]))
  assert.not(isAtLeast('4.12.9', [4, 12, 12]))
  assert.not(isAtLeast('4.12.12-rc.1', [4, 12, 12]))
})

test.run()

/** Looks where Node would: beside the package, then upwards. */
function isLockedFor(path: string, name: string): boolean {
  const folders = path
    .split('/node_modules/')
    .map((_, depth, parts) => parts.slice(0, depth + 1).join('/node_modules/'))
  return [...folders.map((folder) => `${folder}/`), ''].some(
    (prefix) => `${prefix}node_modules/${name}` in lock.packages,
  )
}

/** `node_modules/a/node_modules/@b/c` is `@b/c`. */
function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
}

/** A pre-release counts as older than anything. */
function isAtLeast(version: string, least: readonly number[]): boolean {
  if (!/^\d+\.\d+\.\d+$/.test(version)) return false
  const parts = version.split('.').map(Number)
  const difference = parts.map((part, index) => part - (least[index] ?? 0)).find((each) => each !== 0)
  return (difference ?? 0) >= 0
}

function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as T
}
