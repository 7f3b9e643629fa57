import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import {
  DirectoryError,
  type DirectoryErrorCode,
  dataPaths,
  isLocked,
  openDataDirectory,
  readRecord,
  writeFileAtomically,
} from '../../src/persistence/directory.ts'
import { suite } from '../support/suite.ts'

const scratch = mkdtempSync(join(tmpdir(), 'holdfast-directory-'))
let directoriesCount = 0
const fresh = () => join(scratch, String(++directoriesCount))
const cleanUp = () => rmSync(scratch, { recursive: true, force: true })

/** Opens and closes it. */
function visit(directory: string, shards = 8): void {
  openDataDirectory(directory, { shards }).close()
}

function refusalOf(open: () => unknown): DirectoryError {
  try {
    open()
  } catch (error) {
    if (error instanceof DirectoryError) return error
    throw error
  }
  throw new Error('it was not refused')
}

function refuses(code: DirectoryErrorCode, directory: string, ...texts: readonly string[]): void {
  const error = refusalOf(() => visit(directory))
  assert.is(error.code, code, error.message)
  for (const text of texts) assert.match(error.message, text)
}

const making = suite('a data directory')

making('is made with its parents, for its owner alone', () => {
  const directory = join(fresh(), 'deep', 'down')
  const opened = openDataDirectory(directory, { shards: 8 })
  assert.is(statSync(directory).mode & 0o777, 0o700)
  assert.is(statSync(opened.paths.record).mode & 0o777, 0o600)
  assert.is(statSync(opened.paths.lock).mode & 0o777, 0o600)
  assert.ok(opened.made)
  opened.close()
})

making('remembers its format and number of shards', () => {
  const directory = fresh()
  visit(directory, 5)
  assert.equal(readRecord(dataPaths(directory)), { product: 'holdfast', format: 1, shards: 5 })
  const again = openDataDirectory(directory, { shards: 5 })
  assert.not(again.made)
  again.close()
})

making('that exists keeps its mode and what else is in it', () => {
  const directory = fresh()
  mkdirSync(directory, { mode: 0o755 })
  writeFileSync(join(directory, 'products.jsonl'), '{}')
  visit(directory)
  assert.is(statSync(directory).mode & 0o777, 0o755)
  assert.ok(existsSync(join(directory, 'products.jsonl')))
})

making('refuses another number of shards, naming both', () => {
  const directory = fresh()
  visit(directory, 5)
  const error = refusalOf(() => visit(directory, 8))
  assert.is(error.code, 'shards-differ')
  assert.match(error.message, 'divided into 5 shards')
  assert.match(error.message, 'asks for 8')
  assert.not(isLocked(directory), 'a refusal frees the lock')
})

making('refuses a later format', () => {
  const directory = fresh()
  visit(directory)
  writeFileSync(dataPaths(directory).record, '{"product":"holdfast","format":2,"shards":8}')
  refuses('format-newer', directory, 'format 2')
})

for (const [what, text] of [
  ['of something else', '{"product":"other","format":1,"shards":8}'],
  ['with an impossible number of shards', '{"product":"holdfast","format":1,"shards":0}'],
  ['cut short', '{"product":"holdf'],
  ['that is empty', ''],
] as const) {
  making(`refuses a record ${what}`, () => {
    const directory = fresh()
    visit(directory)
    writeFileSync(dataPaths(directory).record, text)
    refuses('foreign', directory, 'holdfast.json')
  })
}

making('refuses data whose record is lost', () => {
  for (const leave of ['tables', 'journal'] as const) {
    const directory = fresh()
    visit(directory)
    const paths = dataPaths(directory)
    rmSync(paths.record)
    if (leave === 'tables') writeFileSync(paths.tables, '')
    else {
      mkdirSync(paths.journal)
      writeFileSync(join(paths.journal, 'segment'), '')
    }
    refuses('foreign', directory, 'backup')
  }
})

making('that crashed before it was recorded begins anew', () => {
  const directory = fresh()
  visit(directory)
  const paths = dataPaths(directory)
  rmSync(paths.record)
  writeFileSync(`${paths.record}.new`, '{"prod')
  visit(directory, 3)
  assert.is(readRecord(paths)?.shards, 3)
  assert.equal(readdirSync(directory).sort(), ['holdfast.json', 'lock.sqlite'])
})

making('that is a file, or below one, is refused', () => {
  const file = fresh()
  writeFileSync(file, 'x')
  refuses('unusable', file, file)
  refuses('unusable', join(file, 'data'), file)
})

making('that cannot be written is refused', () => {
  const directory = fresh()
  mkdirSync(directory)
  // A directory in the lock's place fails for root too, for whom a mode forbids nothing.
  mkdirSync(dataPaths(directory).lock)
  chmodSync(directory, 0o500)
  refuses('unusable', directory, directory)
  chmodSync(directory, 0o700)
})

making.after(cleanUp)
making.run()

const atomic = suite('a file written atomically')

atomic('replaces what was there and leaves nothing beside it', () => {
  mkdirSync(scratch, { recursive: true })
  const path = join(scratch, 'file')
  writeFileSync(path, 'old', { mode: 0o644 })
  writeFileSync(`${path}.new`, 'left by a crash, and longer than what follows', { mode: 0o644 })
  writeFileAtomically(path, 'né')
  assert.is(readFileSync(path, 'utf8'), 'né')
  assert.is(statSync(path).mode & 0o777, 0o600)
  assert.not(existsSync(`${path}.new`))
})

atomic.after(cleanUp)
atomic.run()

const lock = suite('the lock')
const children: ChildProcess[] = []

/** Another process that opens the directory and keeps it; resolves when it has it. */
async function holder(directory: string): Promise<ChildProcess> {
  const script = `
    const { openDataDirectory } = await import('${new URL('../../src/persistence/directory.ts', import.meta.url).href}')
    openDataDirectory(process.argv[1], { shards: 8 })
    // A lock that could be collected would be lost here.
    globalThis.gc()
    console.log('open')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', script, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const [text] = await once(child.stdout, 'data')
  assert.is(String(text), 'open\n')
  return child
}

lock('refuses a second process, naming the directory', async () => {
  const directory = fresh()
  await holder(directory)
  assert.ok(isLocked(directory))
  refuses('locked', directory, directory, 'Another process')
})

lock('is freed by the kernel when its process is killed', async () => {
  const directory = fresh()
  const child = await holder(directory)
  refuses('locked', directory)
  child.kill('SIGKILL')
  await once(child, 'exit')
  assert.not(isLocked(directory))
  visit(directory)
})

lock('refuses the same process twice', () => {
  const directory = fresh()
  const opened = openDataDirectory(directory, { shards: 8 })
  refuses('locked', directory)
  assert.ok(isLocked(directory), 'a refusal leaves the lock with its owner')
  opened.close()
  opened.close()
  assert.not(isLocked(directory))
  visit(directory)
})

lock('can be looked at where there is none, without making one', () => {
  const directory = fresh()
  assert.not(isLocked(directory))
  assert.not(existsSync(directory))
})

lock('looked at is still free', () => {
  const directory = fresh()
  visit(directory)
  for (let i = 0; i < 3; i++) assert.not(isLocked(directory))
  visit(directory)
})

lock.after(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  cleanUp()
})
lock.run()
