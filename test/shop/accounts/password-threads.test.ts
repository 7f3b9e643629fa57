/** The line in which passwords wait (FAULTS.md, attack 35), with threads that a test plays, and with a real one. */
import * as assert from 'uvu/assert'
import { EngineError } from '../../../src/actors/engine-error.ts'
import { passwordsWaitingMax, passwordWaitMs } from '../../../src/limits/account-limits.ts'
import { type Port, portOf, realClock, realRandom, realTimers } from '../../../src/seams.ts'
import { PasswordClient } from '../../../src/shop/accounts/password-client.ts'
import { nobodysHash } from '../../../src/shop/accounts/password-hash.ts'
import type {
  FromPasswords,
  FromPasswordThread,
  PasswordJob,
  ToPasswords,
  ToPasswordThread,
} from '../../../src/shop/accounts/password-protocol.ts'
import { type PasswordThread, PasswordThreads } from '../../../src/shop/accounts/password-threads.ts'
import { ManualClock, ManualTimers } from '../../support/manual-time.ts'
import { suite } from '../../support/suite.ts'
import { Wire } from '../../support/wire.ts'

/** A thread that does what it is told when a test says so. */
class PlayedThread implements PasswordThread {
  readonly jobs: PasswordJob[] = []
  readonly port: Port<FromPasswordThread, ToPasswordThread>
  readonly #far: Port<ToPasswordThread, FromPasswordThread>
  #onEnd: (error: Error | undefined) => void = () => {}

  constructor() {
    const wire = new Wire<ToPasswordThread, FromPasswordThread>()
    this.port = wire.near
    this.#far = wire.far
    this.#far.receive((job) => void this.jobs.push(job))
  }

  onEnd(handler: (error: Error | undefined) => void): void {
    this.#onEnd = handler
  }

  end(error?: Error): void {
    this.#onEnd(error)
  }

  ready(): void {
    this.#far.send({ type: 'ready' })
  }

  finish(): void {
    this.#far.send({ type: 'checked', isRight: true })
  }
}

function world(count = 1) {
  const clock = new ManualClock(0)
  const timers = new ManualTimers(clock)
  const threads: PlayedThread[] = []
  const spawn = () => {
    const thread = new PlayedThread()
    threads.push(thread)
    return thread
  }
  const log: string[] = []
  const passwords = new PasswordThreads({
    count,
    clock,
    timers: timers.session(),
    log: (_, event) => void log.push(event),
    respawnDelayMs: (failures) => 100 * failures,
    spawn,
  })
  const client = () => {
    const wire = new Wire<FromPasswords, ToPasswords>()
    passwords.attach(wire.near)
    return new PasswordClient(wire.far, realRandom())
  }
  return { passwords, threads, clock, timers, client, log }
}

const check = (client: PasswordClient) => client.isRight('x', nobodysHash)
/** What became of it so far. */
async function outcomeOf(promise: Promise<unknown>): Promise<string> {
  const settled = promise.then(
    (value) => String(value),
    (error: unknown) => (error instanceof EngineError ? error.code : String(error)),
  )
  return Promise.race([settled, settle().then(() => 'waits')])
}
const settle = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)))

const line = suite('passwords that wait to be hashed')

line('are done one at a time by each thread, in the order in which they came', async () => {
  const { passwords, threads, client } = world(2)
  const started = passwords.start()
  const one = client()
  const asked = ['a', 'b', 'c'].map((password) => one.isRight(password, nobodysHash))
  await settle()
  const all = () => threads.map(({ jobs }) => jobs.map(({ password }) => password).join(''))
  assert.equal(all(), ['', ''], 'nothing before a thread says that it is ready')
  for (const thread of threads) thread.ready()
  await started
  await settle()
  assert.equal(all().sort(), ['a', 'b'])
  const busy = threads.find(({ jobs }) => jobs[0]?.password === 'b')
  busy?.finish()
  await settle()
  assert.equal(all().sort(), ['a', 'bc'])
  assert.is(await asked[1], true)
  assert.is(await outcomeOf(asked[0] as Promise<boolean>), 'waits')
  passwords.close()
  const ends = await Promise.all(asked.map(outcomeOf))
  assert.equal(ends, ['overloaded', 'true', 'overloaded'])
})

line(
  '35: are so many and no more, whoever asks; the rest is told to come back, and nothing is done for it',
  async () => {
    const { passwords, threads, client } = world()
    void passwords.start()
    threads[0]?.ready()
    const clients = [client(), client()]
    const asked = Array.from({ length: 1_000 }, (_, i) => check(clients[i % 2] as PasswordClient))
    const outcomes = await Promise.all(asked.map(outcomeOf))
    assert.is(outcomes.filter((outcome) => outcome === 'waits').length, passwordsWaitingMax + 1)
    assert.is(outcomes.filter((outcome) => outcome === 'overloaded').length, 999 - passwordsWaitingMax)
    assert.is(threads[0]?.jobs.length, 1)
    passwords.close()
    await Promise.allSettled(asked)
  },
)

line(
  '35: are no more of one listener than all of them may be, and beyond that nobody is even asked',
  async () => {
    const { passwords, threads, client } = world()
    void passwords.start()
    threads[0]?.ready()
    const one = client()
    const asked = Array.from({ length: passwordsWaitingMax }, () => check(one))
    assert.ok(one.isCrowded)
    assert.is(await outcomeOf(check(one)), 'overloaded')
    await settle()
    threads[0]?.finish()
    assert.is(await asked[0], true)
    assert.not.ok(one.isCrowded)
    passwords.close()
    await Promise.allSettled(asked)
  },
)

line('wait so long and no longer', async () => {
  const { passwords, threads, clock, client } = world()
  void passwords.start()
  threads[0]?.ready()
  const one = client()
  const asked = [check(one), check(one), check(one)] as const
  await settle()
  clock.pass(passwordWaitMs + 1)
  const late = check(one)
  await settle()
  threads[0]?.finish()
  assert.is(await asked[0], true)
  assert.is(await outcomeOf(asked[1]), 'overloaded')
  assert.is(await outcomeOf(asked[2]), 'overloaded')
  await settle()
  assert.is(threads[0]?.jobs.length, 2)
  threads[0]?.finish()
  assert.is(await late, true)
  passwords.close()
})

line('are forgotten with the listener that asked', async () => {
  const { passwords, threads, client } = world()
  void passwords.start()
  threads[0]?.ready()
  const [gone, stays] = [client(), client()]
  const first = check(gone)
  const second = check(gone)
  const third = check(stays)
  await settle()
  gone.close()
  assert.is(await outcomeOf(first), 'overloaded')
  assert.is(await outcomeOf(second), 'overloaded')
  await settle()
  threads[0]?.finish()
  await settle()
  assert.is(threads[0]?.jobs.length, 2, 'the one that was begun, and the other listener’s')
  threads[0]?.finish()
  assert.is(await third, true)
  passwords.close()
})

line('are done by a thread’s successor; only the one it was at is refused', async () => {
  const { passwords, threads, timers, client, log } = world()
  void passwords.start()
  threads[0]?.ready()
  const one = client()
  const asked = [check(one), check(one)] as const
  await settle()
  threads[0]?.end(new Error('killed'))
  assert.is(await outcomeOf(asked[0]), 'overloaded')
  assert.equal(log, ['passwords.respawn'])
  await timers.advance(100)
  assert.is(threads.length, 2)
  threads[1]?.ready()
  await settle()
  threads[1]?.finish()
  assert.is(await asked[1], true)
  passwords.close()
})

line('keep the server from starting where no thread can hash', async () => {
  const { passwords, threads } = world()
  const started = passwords.start()
  threads[0]?.end(new Error('argon2id is not what it should be'))
  const said = await started.then(
    () => 'started',
    (error: Error) => error.message,
  )
  assert.is(said, 'argon2id is not what it should be')
  passwords.close()
})

line.run()

const real = suite('a real thread')

real('hashes and checks, and ends when it is told to', async () => {
  const passwords = new PasswordThreads({
    count: 1,
    clock: realClock,
    timers: realTimers,
    log() {},
    respawnDelayMs: () => 10_000,
  })
  await passwords.start()
  const client = new PasswordClient(portOf(passwords.connect()), realRandom())
  const [hash, other] = await Promise.all([
    client.hash('e\u0301t\u00e9 2026'),
    client.hash('e\u0301t\u00e9 2026'),
  ])
  assert.is.not(hash, other)
  assert.is(await client.isRight('\u00e9te\u0301 2026', hash), true)
  assert.is(await client.isRight('ete 2026', hash), false)
  client.close()
  passwords.close()
})

real.run()
