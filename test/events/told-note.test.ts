/** What other systems were not told of is not archived. */
import { writeFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { planArchive } from '../../src/cli/archive/plan.ts'
import type { ShardId } from '../../src/domain/ids.ts'
import { openEvents } from '../../src/events/events-thread.ts'
import { ToldNote } from '../../src/events/told-note.ts'
import { eventsNoteMs, eventsStandbyMs } from '../../src/limits/events.ts'
import { realDisk } from '../../src/persistence/journal/disk.ts'
import { readTold, toldPath, writeTold } from '../../src/persistence/journal/told.ts'
import { makeArchivable } from '../cli/archivable.ts'
import { ManualClock } from '../support/manual-time.ts'
import { MemoryDisk } from '../support/memory-disk.ts'
import { suite } from '../support/suite.ts'
import { RelayWorld } from './relay-world.ts'

const SHARDS = 4
const test = suite('how far others were told')

function position(sequence: number) {
  const at = { sequence, epoch: 1, link: 'a'.repeat(32) }
  return { outboxId: 0, shards: new Map([[1 as ShardId, at]]) }
}

test('is what archiving waits for, while somebody is to be told', async () => {
  const shop = await makeArchivable()
  const all = planArchive(shop.files)
  assert.ok(all.files.length > 0)
  writeTold(realDisk, shop.journal, new Map())
  const none = planArchive(shop.files)
  assert.equal(none.files, [])
  assert.match(none.reasons[0]?.why ?? '', /^other systems have not been told of shard \d up to s\d\.\d+/)

  const world = new RelayWorld({ disk: realDisk, journal: shop.journal }, SHARDS)
  const notes = new ToldNote(
    { disk: realDisk, journal: shop.journal },
    { clock: world.timers.clock, log: () => {} },
  )
  const relay = world.relay({ onTold: (told) => notes.note(told) })
  relay.start()
  await world.until(() => (readTold(realDisk, shop.journal)?.size ?? 0) === SHARDS, 'it is noted')
  await world.pass(2 * eventsNoteMs)
  await relay.close()
  assert.equal(planArchive(shop.files), all)

  writeFileSync(toldPath(shop.journal), 'nonsense')
  assert.equal(planArchive(shop.files).files, [], 'what cannot be read says nothing')
  assert.is(openEvents({ type: 'none' }, { journalDirectory: shop.journal } as never), undefined)
  assert.is(readTold(realDisk, shop.journal), undefined)
  assert.equal(planArchive(shop.files), all)
  world.close()
  await shop.remove()
})

test('is known to a node that does not tell, too', async () => {
  const disk = new MemoryDisk()
  const session = disk.session()
  session.makeDirectory('/data')
  session.makeDirectory('/data/journal')
  const world = new RelayWorld({ disk: session, journal: '/data/journal' }, SHARDS)
  const told: (number | undefined)[] = []
  const sequenceOf = (at: ReturnType<typeof position> | undefined) => at?.shards.get(1 as ShardId)?.sequence
  const relay = world.relay({ leads: false, onTold: (at) => void told.push(sequenceOf(at as never)) })
  relay.start()
  await world.pass(100)
  const other = world.broker.sink()
  await other.open()
  await other.tell([], position(7))
  await world.pass(eventsStandbyMs + 200)
  world.broker.isAway = true
  await world.pass(eventsStandbyMs + 200)
  assert.equal(told, [undefined, 7])
  assert.is(relay.status.behindMs, 0)
  await relay.close()
  world.close()
})

test('is noted now and then, and never half', () => {
  const disk = new MemoryDisk()
  const session = disk.session()
  session.makeDirectory('/data')
  session.makeDirectory('/data/journal')
  const clock = new ManualClock(0)
  const logged: string[] = []
  const place = { disk: session, journal: '/data/journal' }
  const note = new ToldNote(place, { clock, log: (_, event) => void logged.push(event) })
  const noted = () => readTold(session, place.journal)?.get(1 as ShardId)
  note.note(undefined)
  assert.is(noted(), undefined)
  clock.pass(eventsNoteMs)
  note.note(position(1))
  note.note(position(2))
  assert.is(noted(), 1)
  clock.pass(eventsNoteMs)
  disk.capacityBytes = 0
  note.note(position(3))
  clock.pass(eventsNoteMs)
  note.note(position(4))
  assert.is(noted(), 1, 'a disk without room leaves what was there')
  assert.equal(logged, ['events.notNoted'])
  disk.heal()
  clock.pass(eventsNoteMs)
  note.note(position(5))
  assert.is(noted(), 5)
})

test.run()
