/** What every journal must do, wherever its frames are kept: the writer, and what a recovery finds. */
import { setTimeout as pause } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import type { Event } from '../../src/domain/events.ts'
import type { ProductId, ShardId } from '../../src/domain/ids.ts'
import type { RecoveredShard } from '../../src/persistence/journal/recovery.ts'
import { encodeState } from '../../src/persistence/journal/state-codec.ts'
import type { JournalWriter } from '../../src/persistence/journal/writer.ts'
import { realTimers, type Timers } from '../../src/seams.ts'
import { suite } from '../support/suite.ts'

export const shard = 0 as ShardId
export const shardsOfData = 4
const product = 'phone' as ProductId

/** A writer that took the shard over, and what it began from. */
export type Opened = {
  readonly writer: JournalWriter
  readonly began: RecoveredShard
  /** Ordinals as they became durable, and what it failed with. */
  readonly durable: readonly number[]
  readonly failures: readonly unknown[]
  /** Its process ends here: nothing more is sent or written by it. */
  kill(): void
}

export type Journal = {
  /** Recovers the shard and takes it over, as a worker does. */
  open(): Promise<Opened>
  /** The shard as whoever comes next finds it. */
  recovered(): Promise<RecoveredShard>
  close(): Promise<void>
}

export type JournalOptions = { readonly segmentBytes: number }

/** Declares the suite; `make` makes a journal with nothing in it. */
export function journalContract(
  name: string,
  options: { readonly needs?: readonly string[] },
  make: (options: JournalOptions) => Promise<Journal>,
): void {
  const test = suite(`${name} as a journal`, { ...options, limitMs: 60_000 })

  async function within(use: (journal: Journal) => Promise<void>, segmentBytes = 1 << 20): Promise<void> {
    const journal = await make({ segmentBytes })
    try {
      await use(journal)
    } finally {
      await journal.close()
    }
  }

  test('begins with nothing, and the first event is the first', () =>
    within(async (journal) => {
      const { began, writer } = await journal.open()
      assert.is(began.nextSequence, 1)
      assert.is(began.state.products.size, 0)
      assert.is(writer.durableOrdinal, 1, 'its opening is durable')
      await writer.close()
    }))

  test('what became durable is found by whoever comes next, though the writer was killed', () =>
    within(async (journal) => {
      const first = await journal.open()
      await append(first, 1, 3)
      await append(first, 4, 1)
      first.kill()
      const second = await journal.open()
      assert.is(second.began.nextSequence, 5)
      assert.is(onHandOf(second.began), 4)
      await append(second, 5, 1)
      await second.writer.close()
      assert.is((await journal.recovered()).nextSequence, 6)
    }))

  test('an answer rests on the frame that is being gathered until that is durable', () =>
    within(async (journal) => {
      const opened = await journal.open()
      const { writer } = opened
      gather(opened, 1, 2)
      const first = writer.restsOn
      assert.is(first, writer.durableOrdinal + 1)
      writer.flush()
      gather(opened, 3, 2)
      writer.flush()
      assert.is(writer.restsOn, first + 1, 'the second batch waits for the first, in a frame of its own')
      await durableTo(opened, first + 1)
      assert.equal(opened.durable.slice(0, 2), [first, first + 1])
      await writer.close()
      assert.is((await journal.recovered()).nextSequence, 5)
    }))

  test('goes on over many segments, and all of it is found again', () =>
    within(async (journal) => {
      const opened = await journal.open()
      const reason = 'r'.repeat(500)
      for (let first = 1; first <= 600; first += 30) await append(opened, first, 30, reason)
      assert.ok(opened.writer.counters.rolls >= 3, `${opened.writer.counters.rolls} rolls`)
      opened.kill()
      const again = await journal.recovered()
      assert.is(again.nextSequence, 601)
      assert.is(onHandOf(again), 600)
    }, 64 * 1_024))

  test('owners come and go, and every one goes on where the last one was', () =>
    within(async (journal) => {
      let next = 1
      for (let owner = 0; owner < 6; owner++) {
        const opened = await journal.open()
        assert.is(opened.began.nextSequence, next)
        for (let frame = 0; frame < owner; frame++) {
          await append(opened, next, 1)
          next += 1
        }
        if (owner % 2 === 0) opened.kill()
        else await opened.writer.close()
      }
      const [one, other] = [await journal.recovered(), await journal.recovered()]
      assert.is(one.nextSequence, next)
      assert.equal(Buffer.from(encodeState(one.state)), Buffer.from(encodeState(other.state)))
      assert.is(one.link, other.link)
    }))

  test('closing makes durable what was gathered', () =>
    within(async (journal) => {
      const opened = await journal.open()
      gather(opened, 1, 7)
      await opened.writer.close()
      assert.is((await journal.recovered()).nextSequence, 8)
    }))

  test.run()
}

/** Timers of a writer that may be killed: none of them comes after that. */
export function mortalTimers(): { readonly timers: Timers; kill(): void } {
  let isDead = false
  const ifAlive = (call: () => void) => () => {
    if (!isDead) call()
  }
  return {
    timers: {
      after: (delayMs, call) => realTimers.after(delayMs, ifAlive(call)),
      soon: (call) => realTimers.soon(ifAlive(call)),
    },
    kill() {
      isDead = true
    },
  }
}

export function gather({ writer, began }: Opened, first: number, count: number, reason = 'count'): void {
  writer.beginSection(began.shard, first, Date.now())
  for (let n = 0; n < count; n++) writer.append(adjusted(first + n, reason))
  writer.endSection()
}

/** Gathers, writes, and waits until it is durable. */
export async function append(opened: Opened, first: number, count: number, reason?: string): Promise<void> {
  gather(opened, first, count, reason)
  const { restsOn } = opened.writer
  opened.writer.flush()
  await durableTo(opened, restsOn)
}

export async function durableTo({ writer, failures }: Opened, ordinal: number): Promise<void> {
  while (writer.durableOrdinal < ordinal) {
    if (failures.length > 0) throw failures[0]
    await pause(1)
  }
}

export function onHandOf({ state }: RecoveredShard): number | undefined {
  return state.products.get(product)?.onHand
}

function adjusted(sequence: number, reason: string): Event {
  return {
    type: 'StockAdjusted',
    productId: product,
    version: sequence,
    delta: 1,
    onHand: sequence,
    reason,
    reference: undefined,
  }
}
