import { Worker } from 'node:worker_threads'
import * as assert from 'uvu/assert'
import { KeptThread, type Life } from '../src/kept-thread.ts'
import type { Timers } from '../src/seams.ts'
import { suite } from './support/suite.ts'

/** Says how often it was greeted, dies when told to, and ends unless it is deaf. */
const BODY = `
  const { parentPort, workerData } = require('node:worker_threads')
  let greetings = 0
  parentPort.on('message', ({ type, id }) => {
    if (type === 'greet') parentPort.postMessage({ type: 'greeted', times: ++greetings })
    if (type === 'die') throw new Error('as it was told to')
    if (type === 'status' && !workerData.isDeaf) parentPort.postMessage({ type: 'status', id, status: greetings })
    if (type !== 'close' || workerData.isDeaf) return
    parentPort.postMessage({ type: 'closed' })
    parentPort.close()
  })`

/** Which keep the process alive, unlike the real ones. */
const timers: Timers = {
  after: (delayMs, call) => {
    const timeout = setTimeout(call, delayMs)
    return { cancel: () => clearTimeout(timeout) }
  },
  soon: (call) => void setImmediate(call),
}

type Of = { readonly type: 'greeted'; readonly times: number }
type To = { readonly type: 'greet' | 'die' }

class Scene {
  readonly logged: string[] = []
  readonly heard: number[] = []
  readonly failures: number[] = []
  lives = 0
  ends = 0
  #next = Promise.withResolvers<void>()
  readonly thread: KeptThread<number, Of, To>

  constructor(workerData: { readonly isDeaf: boolean } = { isDeaf: false }) {
    const begin = (): Life => ({
      thread: new Worker(BODY, { eval: true, workerData, stderr: true }),
      onStart: () => {
        this.lives += 1
        this.#turn()
      },
      onEnd: () => {
        this.ends += 1
      },
    })
    this.thread = new KeptThread<number, Of, To>({
      name: 'greeter',
      begin,
      onMessage: ({ times }) => {
        this.heard.push(times)
        this.#turn()
      },
      closeMs: 300,
      timers,
      log: (level, event) => void this.logged.push(`${level} ${event}`),
      respawnDelayMs: (failures) => {
        this.failures.push(failures)
        return 1
      },
    })
    this.thread.start()
  }

  /** A message, or a life, has begun. */
  async happens(what: () => boolean): Promise<void> {
    while (!what()) await this.#next.promise
  }

  #turn(): void {
    this.#next.resolve()
    this.#next = Promise.withResolvers<void>()
  }
}

const kept = suite('a kept thread')

kept('hears and is heard, and says how it is', async () => {
  const scene = new Scene()
  scene.thread.send({ type: 'greet' })
  scene.thread.send({ type: 'greet' })
  await scene.happens(() => scene.heard.length === 2)
  assert.is(await scene.thread.status(5_000), 2)
  await scene.thread.close()
  assert.equal([scene.lives, scene.ends, scene.thread.restarts], [1, 1, 0])
  assert.equal(scene.logged, [])
})

kept('is replaced each time it dies, and begins anew', async () => {
  const scene = new Scene()
  for (const lives of [2, 3]) {
    scene.thread.send({ type: 'greet' })
    await scene.happens(() => scene.heard.length === lives - 1)
    scene.thread.send({ type: 'die' })
    await scene.happens(() => scene.lives === lives)
  }
  assert.equal(scene.heard, [1, 1])
  assert.equal(scene.failures, [1, 2])
  assert.equal([scene.ends, scene.thread.restarts], [2, 2])
  await scene.thread.close()
  const each = ['error greeter.error', 'warn greeter.respawn']
  assert.equal(scene.logged, [...each, ...each])
})

kept('that dies owes nobody an answer', async () => {
  const scene = new Scene({ isDeaf: true })
  const status = scene.thread.status(60_000)
  scene.thread.send({ type: 'die' })
  assert.is(await status, undefined)
  await scene.thread.close()
})

kept('that does not answer is not waited for longer than was said', async () => {
  const scene = new Scene({ isDeaf: true })
  assert.is(await scene.thread.status(20), undefined)
  await scene.thread.close()
  assert.equal(scene.logged, ['warn greeter.cutOff'])
  assert.is(scene.ends, 1)
})

kept('is not begun again once it was closed', async () => {
  const scene = new Scene()
  await scene.thread.close()
  scene.thread.start()
  assert.equal([scene.lives, scene.thread.isUp], [1, false])
  assert.is(await scene.thread.status(20), undefined)
})

kept.run()
