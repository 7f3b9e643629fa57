/** No engine is needed for these: they read the Dockerfile as the engine would and check what must hold. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { suite } from './support/suite.ts'

type Instruction = { readonly keyword: string; readonly rest: string }

const ROOT = join(import.meta.dirname, '..')
const instructions = parse(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'))
const finalStage = instructions.slice(instructions.findLastIndex(({ keyword }) => keyword === 'FROM'))

const test = suite('the image')

test('is built in stages, on official and pinned bases', () => {
  const bases = all('FROM', instructions)
  assert.ok(bases.length > 1, 'one stage only: build tools would be shipped')
  for (const base of bases) assert.match(base, /^node:26-slim( AS \w+)?$/)
  assert.ok(all('RUN', instructions).some((command) => command.startsWith('npm ci --omit=dev')))
})

test('runs as a user that is not root, who owns the data', () => {
  assert.is(all('USER', finalStage).at(-1), 'node')
  assert.ok(indexOf('chown node:node /data') < indexOf('USER node'), 'only root can give the volume away')
  assert.ok(indexOf('chown node:node /data') < indexOf('VOLUME /data'), 'what follows VOLUME is thrown away')
})

test('is configured for production', () => {
  const environment = all('ENV', finalStage).join(' ').split(/\s+/)
  for (const setting of ['NODE_ENV=production', 'HOST=0.0.0.0', 'DATA_DIR=/data', 'UV_THREADPOOL_SIZE=16']) {
    assert.ok(environment.includes(setting), `${setting} is missing`)
  }
})

test('stops by SIGTERM, which its first process receives itself', () => {
  assert.equal(all('STOPSIGNAL', finalStage), ['SIGTERM'])
  assert.equal(all('CMD', finalStage), ['["node", "src/main.ts"]'])
})

test('says whether it is alive', () => {
  const [check = ''] = all('HEALTHCHECK', finalStage)
  const command: unknown = JSON.parse(check.slice(check.indexOf('[')))
  if (!Array.isArray(command)) throw new Error(`HEALTHCHECK should be in exec form, not ${check}`)
  assert.equal(command.slice(0, 2), ['node', '-e'])
  assert.match(command[2], '/livez')
  new Function(command[2]) // It parses.
})

test('copies only what exists and is let into the build', () => {
  const letIn = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n')
  assert.ok(letIn.includes('*'), 'what is not named should stay outside')
  for (const copy of all('COPY', instructions).filter((copy) => !copy.startsWith('--from='))) {
    for (const source of copy.split(' ').slice(0, -1)) {
      assert.ok(existsSync(join(ROOT, source)), `COPY ${source}: there is no such file`)
      assert.ok(letIn.includes(`!${source}`), `COPY ${source}: .dockerignore keeps it out`)
    }
  }
})

test.run()

function parse(dockerfile: string): Instruction[] {
  const lines = dockerfile
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
    .split('\n')
  return lines.filter(Boolean).map((line) => {
    const [keyword = '', ...rest] = line.split(' ')
    return { keyword, rest: rest.join(' ') }
  })
}

function all(keyword: string, from: readonly Instruction[]): string[] {
  return from.filter((instruction) => instruction.keyword === keyword).map(({ rest }) => rest)
}

function indexOf(text: string): number {
  const index = finalStage.findIndex(({ keyword, rest }) => `${keyword} ${rest}`.includes(text))
  assert.is.not(index, -1, `${text} is missing`)
  return index
}
