/** What docs/operations.md tells people to set, watch and look for is there to be set, watched and found. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { settingsTable } from '../src/config.ts'
import { suite } from './support/suite.ts'

const ROOT = join(import.meta.dirname, '..')
const page = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8')
const source = globSync('src/**/*.ts', { cwd: ROOT })
  .map((path) => readFileSync(join(ROOT, path), 'utf8'))
  .join('\n')
/** The first cells of the table behind a heading. */
const cellsOf = (heading: string): readonly string[] => {
  const section = page.split(/^## /m).find((text) => text.startsWith(heading)) ?? ''
  const rows = section.match(/^\| `.*$/gm) ?? []
  return rows
    .flatMap((row) => [...(row.split(' | ')[0] ?? '').matchAll(/`([^`]+)`/g)])
    .map(([, name = '']) => name)
}

const test = suite('docs/operations.md')

test('names metrics that there are', () => {
  const names = cellsOf('What to watch')
  assert.ok(names.length > 10)
  for (const name of names) assert.ok(source.includes(`'${name}'`), `${name} is no metric`)
})

test('names events that are logged', () => {
  const names = cellsOf('What the log says')
  assert.ok(names.length > 20)
  for (const name of names) assert.ok(source.includes(`'${name}'`), `${name} is logged by nobody`)
})

test('names settings that there are', () => {
  const names = cellsOf('Settings that matter')
  assert.ok(names.length > 10)
  for (const name of names) {
    const isKnown = name.endsWith('…') ? `| \`${name.slice(0, -1)}` : `| \`${name}\` |`
    assert.ok(settingsTable().includes(isKnown), `${name} is no setting`)
  }
})

test('gives commands that there are', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>
  }
  const commands = [...page.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name)
  assert.ok(commands.length > 5)
  for (const name of commands) assert.ok(name in scripts, `npm run ${name} is none`)
})

test.run()
