import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { suite } from './suite.ts'

type Run = { readonly exitCode: number | null; readonly output: string; readonly lastLine: string }

const FIXTURES = 'test/support/fixtures'
const RUNNER = join(import.meta.dirname, 'run.ts')

/** Only the traps that would wait long get short limits: on a busy machine a start can take a second. */
const LIMITS: Readonly<Record<string, readonly string[]>> = {
  'a file that hangs while loading': ['--file-limit-ms', '1000'],
  'a process that hangs': ['--exit-limit-ms', '1000'],
}

const traps = suite('a trap is closed')

/** Each trap of `traps.fixture.ts`, with the counts and the words the runner owes for it. */
const TRAPS: readonly [trap: string, lastLine: string, says: string][] = [
  ['a failing assertion', '0 passed, 1 failed, 0 skipped', '++··"sold":·1'],
  ['a forgotten run', '1 passed, 1 failed, 0 skipped', 'never calls run()'],
  ['a throw in before', '0 passed, 3 failed, 0 skipped', 'not run: the before hook failed'],
  ['a throw in before.each', '0 passed, 3 failed, 0 skipped', 'not run: the before.each hook failed'],
  ['a throw in after.each', '1 passed, 2 failed, 0 skipped', 'not run: the after.each hook failed'],
  ['a throw in after', '2 passed, 1 failed, 0 skipped', '✘ a suite › after hook'],
  ['a rejection that is no Error', '0 passed, 1 failed, 0 skipped', "no Error: 'just a string'"],
  ['a rejection with undefined', '0 passed, 1 failed, 0 skipped', 'no Error: undefined'],
  ['an unhandled rejection', '1 passed, 1 failed, 0 skipped', 'nobody waits for this'],
  ['an exception in a timer', '1 passed, 1 failed, 0 skipped', '✘ uncaughtException'],
  ['a test that waits forever', '0 passed, 1 failed, 0 skipped', 'ended before its tests did (exit code 13)'],
  ['a test that hangs', '0 passed, 1 failed, 0 skipped', 'took longer than 300 ms'],
  ['a test that blocks', '0 passed, 1 failed, 0 skipped', 'took longer than 300 ms'],
  ['a file that hangs while loading', '0 passed, 1 failed, 0 skipped', 'the file took longer than 1000 ms'],
  ['a file that fails while loading', '0 passed, 1 failed, 0 skipped', '✘ loading the file'],
  ['a process that hangs', '1 passed, 1 failed, 0 skipped', 'still open: Timeout'],
  ['a process left running', '1 passed, 1 failed, 0 skipped', '✘ processes left running'],
  ['an exit in the middle', '0 passed, 1 failed, 0 skipped', 'ended before its tests did (exit code 0)'],
  ['an exit code', '1 passed, 1 failed, 0 skipped', 'the process ended with exit code 3'],
  ['no suite', '0 passed, 1 failed, 0 skipped', 'the file declares no suite'],
  ['no test', '0 passed, 1 failed, 0 skipped', 'declares no test'],
  ['an only', '0 passed, 1 failed, 0 skipped', 'use --grep'],
  ['a run twice', '0 passed, 1 failed, 0 skipped', 'calls run() twice'],
  ['a test after run', '0 passed, 1 failed, 0 skipped', "declared after its suite's run()"],
  ['a test declared by a test', '0 passed, 1 failed, 0 skipped', 'declared after the file was loaded'],
  ['a suite beside the runner', '1 passed, 1 failed, 0 skipped', 'suites must come from'],
]

for (const [trap, lastLine, says] of TRAPS) {
  traps(trap, async () => {
    const run = await runner([...(LIMITS[trap] ?? []), `${FIXTURES}/traps.fixture.ts`], { TRAP: trap })
    assert.is(run.lastLine, lastLine, run.output)
    assert.is(run.exitCode, 1)
    assert.ok(run.output.includes(says), run.output)
  })
}

traps('every trap of the fixture is tried', () => {
  const fixture = readFileSync(join(import.meta.dirname, 'fixtures', 'traps.fixture.ts'), 'utf8')
  const names = [...fixture.matchAll(/^ {2}'(.+)':/gm)].map((match) => match[1])
  assert.equal(
    names.filter((name) => name !== 'a missing binary'),
    TRAPS.map(([trap]) => trap),
  )
})

traps.run()

const binaries = suite('a test that needs a missing binary')

binaries('is skipped loudly, and so are its hooks', async () => {
  const run = await runner([`${FIXTURES}/traps.fixture.ts`], { TRAP: 'a missing binary' })
  assert.is(run.lastLine, '1 passed, 0 failed, 1 skipped', run.output)
  assert.is(run.exitCode, 0)
  assert.match(run.output, 'is skipped: no-such-server is not installed')
})

binaries('fails in CI', async () => {
  const run = await runner([`${FIXTURES}/traps.fixture.ts`], { TRAP: 'a missing binary', CI: 'true' })
  assert.is(run.lastLine, '1 passed, 1 failed, 0 skipped', run.output)
  assert.is(run.exitCode, 1)
})

binaries.run()

const choosing = suite('choosing what runs')

choosing('a passing file passes, with a line for it, for its notes and for what it skips', async () => {
  const run = await runner([`${FIXTURES}/passing.fixture.ts`])
  assert.is(run.lastLine, '2 passed, 0 failed, 1 skipped', run.output)
  assert.match(run.output, /^ok {3}\S+\/passing\.fixture\.ts {2}2 passed, 1 skipped {2}\d+\.\d\d s$/m)
  assert.match(run.output, /^ {5}worth a line$/m)
  assert.match(run.output, /^ {5}SKIPPED .+ is skipped on purpose/m)
  assert.is(run.exitCode, 0)
})

choosing('--grep counts only what it chose', async () => {
  const run = await runner(['--grep', 'waits for', `${FIXTURES}/passing.fixture.ts`])
  assert.is(run.lastLine, '1 passed, 0 failed, 0 skipped', run.output)
  assert.is(run.exitCode, 0)
})

choosing('nothing that passed is no success', async () => {
  for (const args of [['no-such-file'], ['--grep', 'no such test', `${FIXTURES}/passing.fixture.ts`]]) {
    const run = await runner(args)
    assert.is(run.lastLine, '0 passed, 0 failed, 0 skipped', run.output)
    assert.is(run.exitCode, 1)
  }
})

choosing('a wrong option or pattern fails with a plain last line', async () => {
  for (const args of [['--no-such-option'], ['--grep', '(']]) {
    const run = await runner(args)
    assert.is(run.lastLine, '0 passed, 1 failed, 0 skipped', run.output)
    assert.is(run.exitCode, 2)
  }
})

choosing('fixtures are never found by name', async () => {
  const run = await runner(['fixtures'])
  assert.is(run.lastLine, '0 passed, 0 failed, 0 skipped', run.output)
})

choosing.run()

const ending = suite<{ folder: string }>('no test outlives its runner', { context: { folder: '' } })

ending.before((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'holdfast-runner-'))
})
ending.after(({ folder }) => rmSync(folder, { recursive: true, force: true }))

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  ending(`a runner ended by ${signal} takes the process of the file along`, async ({ folder }) => {
    const pidFile = join(folder, signal)
    const child = startRunner([`${FIXTURES}/traps.fixture.ts`], {
      TRAP: 'a file that hangs while loading',
      TRAP_PID_FILE: pidFile,
    })
    const exit = once(child, 'exit')
    await until(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== '')
    const pid = Number(readFileSync(pidFile, 'utf8'))
    assert.ok(isRunning(pid))
    child.kill(signal)
    await exit
    await until(() => !isRunning(pid))
  })
}

ending.run()

async function runner(args: string[], env: Record<string, string> = {}): Promise<Run> {
  const child = startRunner(args, env)
  const [out, errors, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ])
  const lastLine = out.endsWith('\n') ? (out.trimEnd().split('\n').at(-1) ?? '') : 'the last line has no end'
  return { exitCode, output: out + errors, lastLine }
}

function startRunner(args: string[], env: Record<string, string>) {
  // Neither the wish for colours nor being in CI may change what the fixtures are expected to print.
  const { CI: _ci, FORCE_COLOR: _colour, ...outer } = process.env
  return spawn(process.execPath, [RUNNER, ...args], {
    env: { ...outer, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(20)
}

/** A zombie nobody reaps counts as ended. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    const stat = process.platform === 'linux' ? readFileSync(`/proc/${pid}/stat`, 'utf8') : ''
    return !/\) [ZX] /.test(stat)
  } catch {
    return false
  }
}
