/** FAULTS.md, F49, as main sees it: listener threads that die, with time that stands still around them. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { MessageChannel } from 'node:worker_threads'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { Supervisor } from '../../src/actors/supervisor.ts'
import { HistoryThread } from '../../src/history/history-thread.ts'
import { cooldownMemory } from '../../src/http/cooldowns.ts'
import { Listeners } from '../../src/http/listeners.ts'
import { rateMemory } from '../../src/http/rate-limits.ts'
import { respawnDelayMsMin } from '../../src/limits.ts'
import { PoolBoard } from '../../src/persistence/tables/postgres/pool-board.ts'
import { DamageBoard } from '../../src/persistence/tables/seals/damage-board.ts'
import { SearchThread } from '../../src/search/search-thread.ts'
import { RestorationBoard } from '../../src/shop/restoration/restoration-board.ts'
import { callServer } from '../support/http-call.ts'
import { ManualClock, ManualTimers } from '../support/manual-time.ts'
import { suite } from '../support/suite.ts'
import { noRates } from './fake-limits.ts'

const poison = 'poison'
const adminKey = 'listeners-test-admin-key'
const random = { fraction: () => 0.5 }

/** Two listeners over an engine whose workers never start. */
class World implements AsyncDisposable {
  readonly logged: { readonly msg: string; readonly [name: string]: unknown }[] = []
  readonly timers = new ManualTimers(new ManualClock(0))
  readonly listeners: Listeners
  #heard: () => void = () => {}
  #isClosed = false

  constructor({ logLevel = 'silent', port = 0 } = {}) {
    const timers = this.timers.session()
    const supervisor = new Supervisor({
      timers,
      log() {},
      workers: 1,
      shards: 1,
      journalDirectory: '/nowhere',
      snapshotDirectory: '/nowhere',
      segmentBytes: 65_536,
      returnDays: 60,
      workerHeapMb: 256,
      acceptClock: false,
      crashPoint: undefined,
      nextEpoch: 1,
    })
    const write = (line: string) => {
      this.logged.push(JSON.parse(line))
      this.#heard()
    }
    this.listeners = new Listeners({
      count: 2,
      settings: {
        host: '127.0.0.1',
        port,
        reusePort: true,
        shards: 1,
        workers: 1,
        isShared: false,
        adminKey,
        payments: { gateway: 'none' },
        tablesPath: '/nowhere/tables.sqlite',
        tablesSharing: new SharedArrayBuffer(4),
        revocations: new SharedArrayBuffer(4),
        events: undefined,
        damage: new DamageBoard().memory,
        restoration: new RestorationBoard().memory,
        images: { type: 'directory', path: 'nowhere' },
        metricsPublic: true,
        trustedProxies: [],
        corsOrigins: [],
        webhookPolicy: { allowsHttp: false, allowsPrivate: false },
        accessTokenMs: 900_000,
        refreshTokenMs: 86_400_000,
        tokenIssuer: 'holdfast',
        rateMemory: rateMemory(noRates, random),
        cooldownMemory: cooldownMemory(random),
        commonLimits: undefined,
        version: '0.0.0',
      },
      supervisor,
      passwords: {
        connect: () => new MessageChannel().port2,
        status: () => ({ waiting: 3, done: 20, refused: 4, restarts: 1 }),
      },
      tables: {
        connect: () => new MessageChannel().port2,
        close: () => Promise.resolve(),
        revocations: new SharedArrayBuffer(4),
        pool: new PoolBoard(),
        ended: new Promise(() => {}),
      },
      desk: { status: () => Promise.resolve(undefined), restarts: 0 },
      cluster: undefined,
      // Never started.
      history: new HistoryThread({
        data: {
          journalDirectory: '/nowhere',
          snapshotDirectory: '/nowhere',
          path: '/nowhere',
          shards: 1,
          isShared: false,
          crashPoint: undefined,
        },
        timers,
        log() {},
        respawnDelayMs: () => 0,
      }),
      events: undefined,
      search: new SearchThread({
        data: {
          journalDirectory: '/nowhere',
          tablesPath: '/nowhere',
          search: { index: 'embedded' },
          shards: 1,
          workers: 1,
          isShared: false,
          logLevel,
          crashPoint: undefined,
        },
        supervisor,
        tables: { connect: () => new MessageChannel().port2 },
        timers,
        log() {},
        respawnDelayMs: () => 0,
      }),
      timers,
      log: pino({ level: 'info' }, { write }),
      logLevel,
      crashPoint: `poison:${poison}`,
    })
  }

  count(msg: string): number {
    return this.logged.filter((line) => line.msg === msg).length
  }

  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      await new Promise<void>((resolve) => {
        this.#heard = resolve
      })
    }
  }

  close(): Promise<void> {
    this.#isClosed = true
    return this.listeners.close(5_000)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isClosed) await this.close()
  }
}

/** Sends what ends the listener that reads it, on a connection that is open already. */
async function openPoison(port: number): Promise<() => Promise<void>> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return async () => {
    const closed = once(socket, 'close')
    socket.on('error', () => {}).resume()
    socket.write(`GET /livez HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${poison}\r\n\r\n`)
    await closed
  }
}

const test = suite('listener threads')

test('one that dies is replaced on the same port, after a while', async () => {
  await using world = new World()
  const port = await world.listeners.start()
  const send = await openPoison(port)
  await send()
  await world.until(() => world.count('listener.respawn') === 1)
  const [line] = world.logged.filter(({ msg }) => msg === 'listener.respawn')
  assert.is(line?.code, 1)
  assert.is(line?.delayMs, respawnDelayMsMin)
  assert.match(JSON.stringify(world.logged), 'Error: poison')
  for (let i = 0; i < 8; i++) {
    assert.is((await callServer(port, ['GET', '/livez'])).type, 'answered', 'the other one takes all')
  }
  assert.is(world.count('listener.ready'), 2, 'time stands still')
  await world.timers.advance(respawnDelayMsMin)
  await world.until(() => world.count('listener.ready') === 3)
})

test('no scrape waits for one that is dead', async () => {
  await using world = new World()
  const port = await world.listeners.start()
  const send = await openPoison(port)
  await send()
  await world.until(() => world.count('listener.respawn') === 1)
  // Time stands still: whatever waits for its end here waits for good.
  const answer = await callServer(port, ['GET', '/metrics'], { patienceMs: 10_000 })
  assert.is(answer.type === 'answered' && answer.status, 200)
})

test('one that dies while all close keeps nobody waiting, and has no successor', async () => {
  await using world = new World()
  const port = await world.listeners.start()
  const send = await openPoison(port)
  const sent = send()
  await world.close()
  await sent
  await world.timers.advance(60_000)
  assert.is(world.count('listener.ready'), 2)
})

test('one that dies before its port is open makes the start fail, with the reason', async () => {
  const world = new World({ logLevel: 'no-such-level' })
  const error = await world.listeners.start().then(
    () => new Error('it started'),
    (error: Error) => error,
  )
  assert.match(error.message, /listener.*before.*port.*status 1/)
  assert.match(String(error.cause), 'no-such-level')
  await world.timers.advance(60_000)
  assert.is(world.count('listener.respawn'), 0, 'whoever started it decides what is next')
})

test('one that cannot have the port makes the start fail with the system’s code, and ends', async () => {
  await using other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const world = new World({ port })
  const error = await world.listeners.start().then(
    () => new Error('it started'),
    (error: Error) => error,
  )
  assert.is('code' in error && error.code, 'EADDRINUSE')
  // A thread that stayed would keep this process from ending, and the runner from passing it.
})

test.run()
