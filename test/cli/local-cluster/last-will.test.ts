import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import * as assert from 'uvu/assert'
import { suite } from '../../support/suite.ts'

const test = suite('what is left of a local cluster that is killed')
const lastWill = join(import.meta.dirname, '..', '..', '..', 'src/cli/local-cluster/last-will.ts')
/** Starts two programs, of which one ends before, and tells their ids. */
const TESTATOR = `
  import { spawn } from 'node:child_process'
  import { LastWill } from ${JSON.stringify(lastWill)}
  const will = new LastWill()
  will.remove(process.argv[1])
  const start = () => spawn(process.execPath, ['-e', 'setInterval(() => {}, 1_000)'], { detached: true, stdio: 'ignore' })
  const [kept, ended] = [start(), start()]
  for (const { pid } of [kept, ended]) will.started(pid, 'SIGKILL')
  will.ended(ended.pid)
  console.log(kept.pid, ended.pid)
  setInterval(() => {}, 1_000)`

test('is ended and removed, but for what had ended before', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-will-'))
  const testator = spawn(process.execPath, ['--input-type=module', '-e', TESTATOR, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(createInterface({ input: testator.stdout }), 'line')) as [string]
  const [left, other] = line.split(' ').map(Number) as [number, number]
  try {
    assert.ok(isAlive(left))
    testator.kill('SIGKILL')
    await once(testator, 'exit')
    const givenUpMs = performance.now() + 10_000
    while ((isAlive(left) || existsSync(directory)) && performance.now() < givenUpMs)
      await new Promise((resolve) => setTimeout(resolve, 20))
    assert.not(isAlive(left))
    assert.not(existsSync(directory))
    // Its id could be somebody else's by now.
    assert.ok(isAlive(other))
  } finally {
    testator.kill('SIGKILL')
    for (const pid of [left, other]) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  }
})

test.run()

/** One that has ended and that nobody has waited for is not. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return (
      process.platform !== 'linux' || !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
    )
  } catch {
    return false
  }
}
