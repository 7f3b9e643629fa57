/** `npm run cluster` as a process: real servers, a kill, and nothing that is left. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { freePorts } from '../../src/cli/local-cluster/free-ports.ts'
import { compiled } from '../support/compiled.ts'
import { suite } from '../support/suite.ts'

const command = join(import.meta.dirname, '..', '..', 'src', 'cli', 'cluster.ts')
const journalCommand = join(import.meta.dirname, '..', '..', 'src', 'cli', 'journal.ts')
const restoreCommand = join(import.meta.dirname, '..', '..', 'src', 'cli', 'restore.ts')
const products = ['phone', 'case', 'cable', 'tv', 'radio', 'lamp']
const upWithinMs = 90_000
const sellsWithinMs = 30_000

class Command {
  readonly child: ChildProcess
  readonly ended: Promise<unknown>
  output = ''

  /** In a process group of its own, as a shell would start it. */
  constructor(args: readonly string[], environment: NodeJS.ProcessEnv = process.env) {
    this.child = spawn(process.execPath, [command, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: environment,
    })
    this.ended = once(this.child, 'close')
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text
      })
  }

  async until(pattern: RegExp, withinMs: number): Promise<RegExpExecArray> {
    const givenUpMs = performance.now() + withinMs
    for (;;) {
      const found = pattern.exec(this.output)
      if (found !== null) return found
      if (performance.now() > givenUpMs || this.child.exitCode !== null)
        throw new Error(`${pattern} does not come:\n${this.output}`)
      await pause(20)
    }
  }

  /** Ids of all that it has started so far. */
  get pids(): ReadonlyMap<string, number> {
    const found = this.output.matchAll(/^ *([a-z]+(?:-\d)?) (?:is started again,)? *pid (\d+)/gm)
    return new Map([...found].map(([, name, pid]) => [name as string, Number(pid)]))
  }
}

const test = suite('npm run cluster', { limitMs: 180_000, needs: ['redis-server'] })

test('sells through its balancer, also when a node is killed, and leaves nothing running', async () => {
  const [port] = (await freePorts(1)) as [number]
  const data = mkdtempSync(join(tmpdir(), 'holdfast-cluster-test-'))
  const cluster = new Command(['--nodes', '2', '--no-typesense', '--port', String(port), '--data', data])
  try {
    const [, key] = await cluster.until(/KEY=(\S+)/, upWithinMs)
    const url = `http://127.0.0.1:${port}`
    for (const product of products) {
      const path = `/v1/products/${product}/stock/adjustments`
      assert.is(await post(`${url}${path}`, key, { set: 10, reason: 'first delivery' }), 200)
    }
    await sellsEverything(url, key)

    process.kill(cluster.pids.get('node-1') as number, 'SIGKILL')
    await sellsEverything(url, key)
    await cluster.until(/node-1 is started again, pid \d+/, upWithinMs)

    const pids = [...cluster.pids.values()]
    assert.ok(pids.length >= 8, `6 of Redis and 2 nodes at least:\n${cluster.output}`)
    assertVerified(join(data, 'node-2'))
    // As npm does, which forwards what the terminal has sent already.
    cluster.child.kill('SIGINT')
    cluster.child.kill('SIGINT')
    assert.equal(await cluster.ended, [0, null])
    assert.equal(pids.filter(isAlive), [])
    assertRestorable(join(data, 'node-2'))
  } finally {
    cluster.child.kill('SIGKILL')
    await cluster.ended
    rmSync(data, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
  }
})

test('says what is missing where there is no Redis', async () => {
  const cluster = new Command([], { PATH: '' })
  assert.equal(await cluster.ended, [3, null])
  assert.match(cluster.output, /redis-server is not installed/)
})

test('refuses what it does not know, or not in that number', async () => {
  for (const [args, message] of [
    [['--nodes', '0'], /--nodes takes a number from 1 to 9/],
    [['--replica', '1'], /--replica/],
  ] as const) {
    const cluster = new Command(args)
    assert.equal(await cluster.ended, [3, null])
    assert.match(cluster.output, message)
  }
})

test.run()

/** A node's copy of the journals, looked at beside the node that keeps it. */
function assertVerified(node: string): void {
  const plan = JSON.parse(readFileSync(join(node, '..', 'cluster.json'), 'utf8')) as {
    readonly redis: readonly { readonly port: number }[]
  }
  const redis = plan.redis.map(({ port }) => `redis://127.0.0.1:${port}`).join(',')
  assert.match(journal(['verify', '--data', node], { REDIS_URL: redis }), /^Good\./m)
}

/** The drill of docs/operations.md: such a copy becomes the data directory of a single machine. */
function assertRestorable(node: string): void {
  const restored = join(node, 'restored')
  const args = ['--from', node, '--to', restored]
  const { status, stdout, stderr } = spawnSync(process.execPath, [restoreCommand, ...args], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...compiled },
  })
  assert.is(status, 0, stdout + stderr)
  assert.match(stdout, /journal +good/)
  const verified = journal(['verify', '--data', restored])
  const held = 2 * products.length
  assert.match(verified, new RegExp(`${products.length} products: 60 on hand \\(${held} held\\)`))
}

/** Runs a command of the journal's, and gives what it printed where it found all to be good. */
function journal(args: readonly string[], environment: NodeJS.ProcessEnv = {}): string {
  const env = { PATH: process.env.PATH, ...compiled, ...environment }
  const { status, stdout, stderr } = spawnSync(process.execPath, [journalCommand, ...args], {
    encoding: 'utf8',
    env,
  })
  assert.is(status, 0, stdout + stderr)
  return stdout
}

/** Each product is reserved once, tried again with its own key as long as it takes. */
async function sellsEverything(url: string, key: string | undefined): Promise<void> {
  const givenUpMs = performance.now() + sellsWithinMs
  for (const product of products) {
    const body = { items: [{ productId: product, quantity: 1 }], customerId: `buyer-of-${product}` }
    const idempotencyKey = crypto.randomUUID()
    for (;;) {
      const status = await post(`${url}/v1/reservations`, key, body, idempotencyKey).catch(String)
      if (status === 201) break
      if (performance.now() > givenUpMs) throw new Error(`${product} is not sold: ${status}`)
      await pause(50)
    }
  }
}

async function post(url: string, key: string | undefined, body: unknown, idempotencyKey?: string) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    },
    body: JSON.stringify(body),
  })
  await answer.arrayBuffer()
  return answer.status
}

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

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
