/** Both ends of what nodes ask each other, without a network between them: who hears what, and what is never passed on. */
import type { MessagePort } from 'node:worker_threads'
import * as assert from 'uvu/assert'
import type { CallsMessage, Cell, RepliesMessage, WorkerState } from '../../../src/actors/protocol.ts'
import { readCalls, readReplies, writeCall } from '../../../src/actors/protocol.ts'
import { Caller } from '../../../src/cluster/relay/caller.ts'
import { HistoryWay } from '../../../src/cluster/relay/history-way.ts'
import { LocalShards } from '../../../src/cluster/relay/local-shards.ts'
import type { FromCaller, FromOwner } from '../../../src/cluster/relay/node-words.ts'
import { type FromPeer, Peer } from '../../../src/cluster/relay/peer.ts'
import type { FromRelay } from '../../../src/cluster/relay/relay-protocol.ts'
import { relayUnreadBytesMax, relayWaitingBytesMax } from '../../../src/limits/relay.ts'
import { type PromptPort, portOf } from '../../../src/seams.ts'
import { phone, readStock } from '../../actors/asking.ts'
import { startMs } from '../../support/in-process-engine.ts'
import { ManualClock, ManualTimers } from '../../support/manual-time.ts'
import { suite } from '../../support/suite.ts'
import { Wire } from '../../support/wire.ts'
import { until } from './relay-world.ts'

const READY: WorkerState = { type: 'ready', room: 'all' }

/** What stands for a connection: keeps what is sent, and may be full. */
class FakeLink<Out> {
  readonly sent: Out[] = []
  waitingBytes = 0
  takes = true
  ended: string | undefined

  send(message: Out): boolean {
    if (this.takes) this.sent.push(message)
    return this.takes
  }

  end(why: string): void {
    this.ended ??= why
  }
}

function callsOf(...callIds: number[]): CallsMessage {
  const cells: Cell[] = []
  for (const callId of callIds) writeCall(cells, callId, readStock(phone))
  return { sentAtMs: startMs, cells, lastCallId: Math.max(...callIds) }
}

/** How each call was refused. */
function refusalsIn(messages: readonly RepliesMessage[]): [number, unknown][] {
  const found: [number, unknown][] = []
  for (const { cells } of messages)
    readReplies(
      cells,
      () => undefined,
      (callId, reply) => void found.push([callId, 'code' in reply ? reply.code : reply.type]),
    )
  return found
}

// ---- The end that asks ----

class Asking {
  readonly timers = new ManualTimers(new ManualClock(startMs))
  readonly link = new FakeLink<FromCaller>()
  readonly told: FromPeer[] = []
  readonly peer = new Peer({
    link: this.link,
    clock: this.timers.clock,
    main: { send: (message) => void this.told.push(message) },
  })

  /** An engine's wire to this life, and what it hears there. */
  connect(life: number) {
    const wire = new Wire<CallsMessage, RepliesMessage>()
    const heard: RepliesMessage[] = []
    wire.near.receive((message) => void heard.push(message))
    this.peer.connect({ shard: 1, life }, wire.far)
    return { wire, heard }
  }

  serve(life: number): void {
    this.peer.hear({ type: 'served', shard: 1, life, state: READY })
  }
}

const asking = suite('a node that asks another')

asking('opens a channel for each engine, and sends how old calls are', () => {
  const world = new Asking()
  world.serve(5)
  const first = world.connect(5)
  const second = world.connect(5)
  world.timers.clock.monotonicMs = () => startMs + 20
  second.wire.near.send(callsOf(1, 2))
  const [open, other, calls] = world.link.sent
  assert.equal(open, { type: 'open', channel: 1, shard: 1, life: 5 })
  assert.equal(other, { type: 'open', channel: 2, shard: 1, life: 5 })
  assert.equal(calls, { type: 'calls', channel: 2, ageMs: 20, cells: callsOf(1, 2).cells, lastCallId: 2 })
  assert.equal(first.heard, [{ cells: [], board: [] }], 'there is no board yet, and none from before')
  first.wire.near.close()
  assert.equal(world.link.sent.at(-1), { type: 'close', channel: 1 })
})

asking('is told at once that nothing has happened where it asks for a life that is over', () => {
  const world = new Asking()
  world.serve(6)
  const { heard } = world.connect(5)
  assert.equal(heard, [{ cells: [], lastWord: 0 }])
  assert.is(world.link.sent.length, 0)
})

asking('is refused before anything is sent where the other does not take what waits', () => {
  const world = new Asking()
  world.serve(5)
  const { wire, heard } = world.connect(5)
  world.link.waitingBytes = relayWaitingBytesMax + 1
  wire.near.send(callsOf(1, 2))
  world.link.waitingBytes = 0
  world.link.takes = false
  wire.near.send(callsOf(3))
  assert.equal(
    world.link.sent.map(({ type }) => type),
    ['open'],
  )
  assert.equal(refusalsIn(heard), [
    [1, 'overloaded'],
    [2, 'overloaded'],
    [3, 'overloaded'],
  ])
  assert.is(world.peer.refused, 3)
})

asking('hears which call was the last to be sent when the connection is lost', () => {
  const world = new Asking()
  world.serve(5)
  const { wire, heard } = world.connect(5)
  wire.near.send(callsOf(1, 2))
  wire.there.isHolding = true
  wire.near.send(callsOf(3))
  world.peer.end()
  assert.equal(heard.at(-1), { cells: [], lastWord: 2 })
})

asking('sends nothing behind the last word of a worker, and hears no later one', () => {
  const world = new Asking()
  world.serve(5)
  const { wire, heard } = world.connect(5)
  wire.near.send(callsOf(1, 2))
  world.peer.hear({ type: 'replies', channel: 1, cells: [], lastWord: 1 })
  wire.near.send(callsOf(3))
  assert.is(world.link.sent.filter(({ type }) => type === 'calls').length, 1)
  assert.equal(refusalsIn(heard), [[3, 'shard-unavailable']])
  world.peer.hear({ type: 'ended', shard: 1, life: 5 })
  assert.equal(
    heard.map(({ lastWord }) => lastWord),
    [undefined, 1, undefined, 1],
  )
})

asking('hears nothing late: not of a life that is over, nor of a channel that is closed', () => {
  const world = new Asking()
  world.serve(5)
  const { wire, heard } = world.connect(5)
  wire.near.send(callsOf(1))
  world.serve(6)
  assert.equal(
    world.told.map(({ type }) => type),
    ['served', 'ended', 'served'],
  )
  const before = heard.length
  world.peer.hear({ type: 'replies', channel: 1, cells: [1, 0, { type: 'done' }], lastWord: undefined })
  world.peer.hear({ type: 'board', shard: 1, life: 5, entries: [], isWhole: true })
  world.peer.hear({ type: 'ended', shard: 1, life: 5 })
  assert.is(heard.length, before)
  assert.is(world.told.length, 3)
})

asking('shows a board to each engine once it is whole, and before what rests on it', () => {
  const world = new Asking()
  world.serve(5)
  const { heard } = world.connect(5)
  const entries = [0, 1, 10, 10, 0, 0, false, undefined]
  world.peer.hear({ type: 'board', shard: 1, life: 5, entries, isWhole: false })
  world.peer.hear({ type: 'replies', channel: 1, cells: [1, 3, 'overloaded', ''], lastWord: undefined })
  assert.is(heard.length, 2)
  world.peer.hear({ type: 'board', shard: 1, life: 5, entries: [], isWhole: true })
  assert.is(heard[2]?.board?.length, 1)
  assert.is(world.connect(5).heard[0]?.board?.length, 1, 'also to one that comes later')
})

asking('hangs up on who introduces himself twice', () => {
  const world = new Asking()
  world.peer.hear({ type: 'hello', version: 1, format: 15, from: 'a', to: 'b' })
  assert.ok(world.link.ended)
})

asking.run()

// ---- The end that answers ----

class Answering {
  readonly timers = new ManualTimers(new ManualClock(startMs))
  readonly link = new FakeLink<FromOwner>()
  readonly asked: (FromRelay & { readonly type: 'connect' })[] = []
  readonly local = new LocalShards({
    main: { send: (message) => void (message.type === 'connect' && this.asked.push(message)) },
    onShown: (shard, numbers) => this.caller?.noteShown(shard, numbers),
  })
  caller: Caller | undefined
  readonly #ports: PromptPort<CallsMessage, RepliesMessage>[] = []

  start(): Caller {
    const { link, local, timers } = this
    const history = new HistoryWay(() => {})
    this.caller = new Caller({ link, local, history, clock: timers.clock, timers: timers.session() })
    return this.caller
  }

  /** The worker's ends of the channels that were asked for. */
  workers(): { readonly port: PromptPort<CallsMessage, RepliesMessage>; readonly heard: CallsMessage[] }[] {
    return this.asked
      .filter(({ as }) => as === 'connect')
      .map(({ port: end }) => {
        const port = portOf<CallsMessage, RepliesMessage>(end)
        const heard: CallsMessage[] = []
        port.receive((message) => void heard.push(message))
        this.#ports.push(port)
        return { port, heard }
      })
  }

  close(): void {
    this.caller?.end()
    for (const port of this.#ports) port.close()
    for (const { port } of this.asked as { port: MessagePort }[]) port.close()
  }
}

const answering = suite('a node that is asked')

answering('says what it serves, and passes calls on with their age', async () => {
  const world = new Answering()
  world.local.note({ shard: 1, life: 5, state: READY })
  const caller = world.start()
  assert.equal(world.link.sent, [{ type: 'served', shard: 1, life: 5, state: READY }])
  caller.hear({ type: 'open', channel: 9, shard: 1, life: 5 })
  const { cells, lastCallId } = callsOf(1, 2)
  caller.hear({ type: 'calls', channel: 9, ageMs: 30, cells, lastCallId })
  const [worker] = world.workers()
  await until(() => worker?.heard.length === 1)
  assert.is(worker?.heard[0]?.sentAtMs, world.timers.clock.monotonicMs() - 30)
  const read: number[] = []
  readCalls(worker?.heard[0]?.cells ?? [], (callId) => void read.push(callId))
  assert.equal(read, [1, 2])
  worker?.port.send({ cells: [1, 3, 'overloaded', ''] })
  await until(() => world.link.sent.some(({ type }) => type === 'replies'))
  assert.equal(world.link.sent.at(-1), {
    type: 'replies',
    channel: 9,
    cells: [1, 3, 'overloaded', ''],
    lastWord: undefined,
  })
  world.close()
})

answering('passes nothing on for another life than the present one, or for a shard of others', () => {
  const world = new Answering()
  world.local.note({ shard: 1, life: 5, state: READY })
  const caller = world.start()
  const { cells, lastCallId } = callsOf(1)
  for (const [channel, shard, life] of [
    [1, 1, 4],
    [2, 1, 6],
    [3, 2, 5],
  ] as const) {
    caller.hear({ type: 'open', channel, shard, life })
    caller.hear({ type: 'calls', channel, ageMs: 0, cells, lastCallId })
    assert.equal(world.link.sent.at(-1), { type: 'replies', channel, cells: [], lastWord: 0 })
  }
  assert.equal(world.asked, [])
  world.close()
})

answering('passes nothing on behind the end of a life, and sends what that said before', async () => {
  const world = new Answering()
  world.local.note({ shard: 1, life: 5, state: READY })
  const caller = world.start()
  caller.hear({ type: 'open', channel: 9, shard: 1, life: 5 })
  const [worker] = world.workers()
  worker?.port.send({ cells: [1, 3, 'overloaded', ''] })
  worker?.port.send({ cells: [], lastWord: 1 })
  caller.tellEnd({ shard: 1, life: 5 })
  world.local.end({ shard: 1, life: 5 })
  assert.equal(
    world.link.sent.map(({ type }) => type),
    ['served', 'replies', 'replies', 'ended'],
  )
  world.local.note({ shard: 1, life: 6, state: READY })
  const { cells, lastCallId } = callsOf(2)
  caller.hear({ type: 'calls', channel: 9, ageMs: 0, cells, lastCallId })
  caller.hear({ type: 'open', channel: 10, shard: 1, life: 5 })
  assert.is(world.asked.filter(({ as }) => as === 'connect').length, 1)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(worker?.heard, [])
  world.close()
})

answering('says that nothing has happened where a worker has ended before it took the channel', () => {
  const world = new Answering()
  world.local.note({ shard: 1, life: 5, state: READY })
  const caller = world.start()
  caller.hear({ type: 'open', channel: 9, shard: 1, life: 5 })
  const { cells, lastCallId } = callsOf(1)
  caller.hear({ type: 'calls', channel: 9, ageMs: 0, cells, lastCallId })
  caller.tellEnd({ shard: 1, life: 5 })
  assert.equal(world.link.sent.slice(1), [
    { type: 'replies', channel: 9, cells: [], lastWord: 0 },
    { type: 'ended', shard: 1, life: 5 },
  ])
  world.close()
})

answering('hangs up on who does not read, opens a channel twice, or introduces himself twice', () => {
  const world = new Answering()
  world.local.note({ shard: 1, life: 5, state: READY })
  world.start().tell({ shard: 1, life: 5, state: READY })
  assert.is(world.link.ended, undefined)
  world.link.waitingBytes = relayUnreadBytesMax + 1
  world.caller?.tell({ shard: 1, life: 5, state: READY })
  assert.ok(world.link.ended)

  const twice = new Answering()
  twice.local.note({ shard: 1, life: 5, state: READY })
  const caller = twice.start()
  caller.hear({ type: 'open', channel: 9, shard: 1, life: 5 })
  caller.hear({ type: 'open', channel: 9, shard: 1, life: 5 })
  assert.ok(twice.link.ended)
  const again = new Answering()
  again.start().hear({ type: 'hello', version: 1, format: 15, from: 'a', to: 'b' })
  assert.ok(again.link.ended)
  for (const each of [world, twice, again]) each.close()
})

answering.run()
