/** Nodes as processes of their own, one of which is stopped for longer than its leases. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import * as assert from 'uvu/assert'
import { pause } from '../support/ownership-nodes.ts'
import { RedisServerProcess } from '../support/redis-server.ts'
import { note, suite } from '../support/suite.ts'

type Span = { readonly shard: number; readonly fromMs: number; readonly toMs: number }

const FIXTURE = join(import.meta.dirname, '../support/fixtures/owner-process.ts')
const SHARDS = 4
const LEASE_MS = 800
const STEP_MS = 20_000

class OwnerProcess {
  /** As it said last. */
  own = 0
  lost = 0
  spans: readonly Span[] = []
  readonly #child: ChildProcess

  constructor(url: string, id: string) {
    const args = [FIXTURE, url, id, String(SHARDS), String(LEASE_MS)]
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      Object.assign(this, JSON.parse(line))
    })
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGCONT')
    this.#child.kill(signal)
    await once(this.#child, 'close')
  }

  async owns(count: number): Promise<number> {
    const sinceMs = performance.now()
    while (this.own !== count) {
      assert.ok(performance.now() - sinceMs < STEP_MS, `owns ${this.own} and not ${count}`)
      await pause(1)
    }
    return performance.now() - sinceMs
  }
}

const test = suite('owners in processes of their own', { needs: ['redis-server'], limitMs: 60_000 })

test('one that was stopped past its leases believed in nothing that another one did, then or after', async () => {
  const redis = await RedisServerProcess.start()
  const first = new OwnerProcess(redis.url, 'first')
  let second: OwnerProcess | undefined
  try {
    await first.owns(SHARDS)
    second = new OwnerProcess(redis.url, 'second')
    await Promise.all([first.owns(2), second.owns(2)])
    first.signal('SIGSTOP')
    const tookMs = await second.owns(SHARDS)
    await pause(LEASE_MS)
    // What it said before is no longer so.
    first.own = 0
    first.signal('SIGCONT')
    await Promise.all([first.owns(2), second.owns(2)])
    // For the thread that reads the board.
    await pause(100)
    await Promise.all([first.end('SIGTERM'), second.end('SIGTERM')])
    note(`with leases of ${LEASE_MS} ms: the other had all ${tookMs.toFixed(0)} ms after the stop`)
    assert.is(first.lost, 2)
    assert.is(second.lost, 0)
    assert.equal(overlaps(first.spans, second.spans), [])
    assert.ok(first.spans.length >= SHARDS + 2 && second.spans.length >= 4, 'both have had their time')
  } finally {
    await Promise.all([first.end('SIGKILL'), second?.end('SIGKILL')])
    await redis.close()
  }
})

function overlaps(some: readonly Span[], others: readonly Span[]): (readonly [Span, Span])[] {
  return some.flatMap((span) =>
    others
      .filter(({ shard, fromMs, toMs }) => shard === span.shard && fromMs <= span.toMs && span.fromMs <= toMs)
      .map((other) => [span, other] as const),
  )
}

test.run()
