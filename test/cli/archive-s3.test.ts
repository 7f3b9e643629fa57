/** Archives in a bucket: what is removed here is there and whole, whatever breaks off on the way. */
import { hash } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { planArchive } from '../../src/cli/archive/plan.ts'
import { openS3Place, s3PlaceOf } from '../../src/cli/archive/s3-place.ts'
import { uploadFiles } from '../../src/cli/archive/upload.ts'
import { archivedElsewhere, withArchives } from '../../src/cli/archive-view.ts'
import { openJournalFiles } from '../../src/cli/journal-files.ts'
import { auditJournal } from '../../src/cli/verify/audit.ts'
import type { ShardId } from '../../src/domain/ids.ts'
import { recover } from '../../src/persistence/journal/recovery.ts'
import { encodeState } from '../../src/persistence/journal/state-codec.ts'
import { S3Client } from '../../src/persistence/s3/s3-client.ts'
import { heldTimers, realClock, realRandom } from '../../src/seams.ts'
import { FakeS3, type Fault } from '../support/fake-s3.ts'
import { changingCalls, type MemoryDisk, SessionOver } from '../support/memory-disk.ts'
import { note, suite } from '../support/suite.ts'
import { filesOn, inMemory, makeArchivable, onMemoryDisk } from './archivable.ts'
import { journal } from './command.ts'
import { Workshop } from './workshop.ts'

const SHARDS = 2
const AT = '2026-01-05T12:00:00.000Z'
const seams = { clock: realClock, timers: heldTimers, random: realRandom() }
const quick = { patienceMs: 5_000, idleMs: 200, retryMs: 1 }
const FOLDER = 'eu/archive/'

const test = suite('archive to a bucket', { limitMs: 120_000 })

async function bucket(name = '') {
  const s3 = await FakeS3.start()
  const client = new S3Client(s3.access(), seams, quick)
  return {
    s3,
    place: s3PlaceOf(client, name),
    [Symbol.asyncDispose]: async () => {
      client.close()
      await s3.stop()
    },
  }
}

const made = new Map<number, Promise<MemoryDisk>>()

/** One takes most of a second to be made. */
async function scene(frames = 14): Promise<MemoryDisk> {
  const known = made.get(frames) ?? makeScene(frames)
  made.set(frames, known)
  return (await known).copy()
}

async function makeScene(frames: number): Promise<MemoryDisk> {
  const options = { shards: SHARDS, products: 6, segmentBytes: 8_192, end: 'crashed' } as const
  const shop = await makeArchivable({ ...options, frames })
  const disk = onMemoryDisk(shop)
  await shop.remove()
  return disk
}

type Bucket = Awaited<ReturnType<typeof bucket>>

async function run(
  disk: MemoryDisk,
  { place }: Pick<Bucket, 'place'>,
  session = disk.session(),
): Promise<void> {
  const files = { ...filesOn(disk, SHARDS), disk: session }
  await uploadFiles({ disk: session, journal: inMemory.journal, to: place, at: AT }, planArchive(files).files)
}

function statesOn(disk: MemoryDisk): readonly string[] {
  const { shards } = recover({
    disk: disk.session(),
    journalDirectory: inMemory.journal,
    snapshotDirectory: inMemory.snapshots,
    shards: Array.from({ length: SHARDS }, (_, shard) => shard as ShardId),
    shardsOfData: SHARDS,
  })
  return [...shards.values()].map(({ state, nextSequence }) => {
    return `${nextSequence} ${hash('sha256', encodeState(state))}`
  })
}

function shaOf(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? 'nothing' : hash('sha256', bytes)
}

async function truthOf(disk: MemoryDisk) {
  await using there = await bucket()
  const planned = planArchive(filesOn(disk, SHARDS)).files
  const done = disk.copy()
  await run(done, there)
  assert.ok(planned.length >= 8)
  const objects = [...planned.map(({ file }) => FOLDER + file), `${FOLDER}archived.jsonl`].sort()
  assert.equal([...there.s3.objects.keys()].sort(), objects)
  return { planned, states: statesOn(disk), left: done.files(inMemory.journal), objects }
}

test('has each file whole in one place whatever breaks off, and is finished by the next run', async () => {
  const disk = await scene()
  const { planned, states, left, objects } = await truthOf(disk)
  const expectWhole = (trial: MemoryDisk, { s3 }: Bucket, where: string) => {
    for (const { file, sha256 } of planned) {
      const isHere = trial.files(inMemory.journal).includes(file)
      const here = isHere ? shaOf(trial.bytesOf(join(inMemory.journal, file))) : 'nothing'
      const there = shaOf(s3.objects.get(FOLDER + file)?.bytes)
      assert.ok(here === sha256 || there === sha256, `${file} is whole nowhere: ${where}`)
    }
    assert.equal(statesOn(trial), states, where)
    assert.is(auditJournal(filesOn(trial, SHARDS)).verdict, 'good', where)
  }
  let broken = 0
  const faults: readonly Fault[] = [
    { type: 'answer', status: 403, code: 'AccessDenied' },
    { type: 'cutAnswer' },
  ]
  for (const fault of faults) {
    // From the nth request on the store does only this. Three are asked for each file.
    for (let nth = 0; ; nth += 11) {
      await using there = await bucket()
      const trial = disk.copy()
      const asked = there.s3.asked
      there.s3.onAsked = () => {
        if (asked.length >= nth) there.s3.fault = fault
      }
      let hasFailed = false
      try {
        await run(trial, there)
      } catch (error) {
        assert.match(String(error), /S3Error/, String(error))
        hasFailed = true
      }
      const where = `${JSON.stringify(fault)} from request ${nth} on`
      expectWhole(trial, there, where)
      if (!hasFailed) break
      broken += 1
      expectWhole(trial.afterPowerLoss(), there, `${where}, then without power`)
      there.s3.onAsked = () => {}
      there.s3.fault = undefined
      await run(trial, there)
      assert.equal(trial.files(inMemory.journal), left, where)
      assert.equal([...there.s3.objects.keys()].sort(), objects, where)
      expectWhole(trial, there, where)
    }
  }
  let killed = 0
  for (let nth = 1; ; nth += 2) {
    await using there = await bucket()
    const trial = disk.copy()
    const session = trial.session()
    let calls = 0
    trial.onCall = ({ kind }) => {
      if (changingCalls.includes(kind) && ++calls === nth) session.end()
    }
    try {
      await run(trial, there, session)
      break
    } catch (error) {
      if (!(error instanceof SessionOver)) throw error
    }
    trial.onCall = undefined
    killed += 1
    for (const after of killed % 2 === 0 ? [trial.copy()] : [trial.afterPowerLoss()]) {
      expectWhole(after, there, `killed at call ${nth}`)
      await run(after, there)
      assert.equal(after.files(inMemory.journal), left, `killed at call ${nth}`)
    }
  }
  note(`${broken} times the store, ${killed} times the command`)
  assert.ok(broken > 4 && killed > 6, `${broken} ${killed}`)
})

test('removes nothing where the bucket has something else, or loses it', async () => {
  const disk = await scene()
  const before = disk.files(inMemory.journal)
  const [first] = planArchive(filesOn(disk, SHARDS)).files
  const key = `${FOLDER}${first?.file}`
  const spoils: readonly (readonly [(there: Bucket) => void, RegExp])[] = [
    [
      ({ s3 }) => {
        s3.onPut = (object) => object.bytes.fill(1, 9, 10)
      },
      /is there, and is something else\. Nothing was removed/,
    ],
    [
      ({ s3 }) => {
        s3.onPut = () => s3.objects.clear()
      },
      /is not there although it was put\. Nothing was removed/,
    ],
    [
      ({ s3 }) => {
        const modifiedMs = Date.now()
        s3.objects.set(key, {
          bytes: Buffer.from('of another'),
          type: '',
          cacheControl: undefined,
          modifiedMs,
        })
      },
      /is there, and is something else\. Nothing was removed/,
    ],
  ]
  for (const [spoil, why] of spoils) {
    await using there = await bucket()
    spoil(there)
    const thrown = await run(disk, there).then(
      () => 'nothing',
      (error: unknown) => String(error),
    )
    assert.match(thrown, why)
    assert.equal(disk.files(inMemory.journal), before)
  }
})

test('removes nothing before the archive knows what it has', async () => {
  const disk = await scene()
  const { left } = await truthOf(disk)
  await using there = await bucket()
  const before = disk.files(inMemory.journal)
  there.s3.onPut = (object, key) => {
    if (key.endsWith('.jsonl')) object.bytes.fill(1, 99, 100)
  }
  const thrown = await run(disk, there).catch((error: unknown) => error)
  assert.match(String(thrown), /archived\.jsonl is there, and is something else\. Nothing was removed/)
  assert.equal(
    disk.files(inMemory.journal).filter((name) => name !== 'archived.jsonl'),
    before,
  )
  there.s3.onPut = () => {}
  await run(disk, there)
  assert.equal(disk.files(inMemory.journal), left)
})

test('takes another journal’s place from nobody', async () => {
  await using there = await bucket()
  const one = await scene()
  await run(one, there)
  const record = there.s3.objects.get(`${FOLDER}archived.jsonl`)?.bytes
  const other = await scene(15)
  const thrown = await run(other, there).then(
    () => 'nothing',
    (error: unknown) => String(error),
  )
  assert.match(thrown, /has the archive of another journal\. Name another place: --to s3:NAME/)
  assert.ok(there.s3.objects.get(`${FOLDER}archived.jsonl`)?.bytes.equals(record ?? Buffer.alloc(0)))
  const { client } = there.place
  await run(other, { place: s3PlaceOf(client, 'shop-2') })
  assert.ok(there.s3.objects.has(`${FOLDER}shop-2/archived.jsonl`))
})

test('by its command, and back by fetch, is the journal that it was', async () => {
  await using there = await bucket()
  const { s3 } = there
  const shop = await makeArchivable({ frames: 12 })
  const before = new Map(
    readdirSync(shop.journal).map((name) => [name, readFileSync(join(shop.journal, name))]),
  )
  const wrong = await journal(['archive', '--to', 's3', '--data', shop.root], {
    ...s3.settings,
    S3_SECRET_KEY: 'wrong',
  })
  assert.is(wrong.code, 3, wrong.out)
  assert.match(wrong.err, /403 SignatureDoesNotMatch/)
  assert.not.match(wrong.err, /wrong|secret-of-a-fake/)
  assert.equal(readdirSync(shop.journal).sort(), [...before.keys()].sort())
  const archived = await journal(['archive', '--to', 's3', '--json', '--data', shop.root], s3.settings)
  assert.is(archived.code, 0, archived.err)
  const { to, files } = JSON.parse(archived.out) as { readonly to: string; readonly files: readonly string[] }
  assert.is(to, 's3://shop-images/eu/archive/')
  for (const name of files) {
    assert.not(readdirSync(shop.journal).includes(name))
    assert.ok(s3.objects.get(FOLDER + name)?.bytes.equals(before.get(name) ?? Buffer.alloc(0)), name)
  }
  assert.is(auditJournal(openJournalFiles(shop.root)).verdict, 'good')
  assert.match(
    archivedElsewhere(openJournalFiles(shop.root)) ?? '',
    /went to s3:\/\/shop-images\/eu\/archive\/; "journal fetch" brings them back/,
  )

  const restored = join(shop.root, 'restored')
  const damagedKey = FOLDER + files[0]
  const damaged = s3.objects.get(damagedKey)
  damaged?.bytes.fill(7, 30, 31)
  const lame = await journal(['fetch', '--from', 's3', '--to', restored, '--data', shop.root], s3.settings)
  assert.is(lame.code, 1, lame.err)
  assert.match(lame.out, `${to}${files[0]} is not what was archived`)
  assert.not(readdirSync(restored).includes(files[0] as string))
  before.get(files[0] as string)?.copy(damaged?.bytes ?? Buffer.alloc(0))
  s3.objects.get(`${FOLDER}archived.jsonl`)?.bytes.fill(7, 30, 31)
  s3.asked.length = 0
  writeFileSync(join(restored, `${files[0]}.copying`), 'of a run that broke off')
  const whole = await journal(['fetch', '--from', 's3', '--to', restored, '--data', shop.root], s3.settings)
  assert.is(whole.code, 0, whole.err)
  assert.match(whole.err, /record in s3:\/\/\S+ is damaged; the journal’s own says/)
  assert.equal(
    s3.asked.filter((ask) => !ask.endsWith('archived.jsonl')),
    [`GET ${damagedKey}`],
    'the rest is there',
  )
  assert.equal(readdirSync(restored).sort(), [...files].sort())
  const view = withArchives(openJournalFiles(shop.root), [restored])
  assert.is(auditJournal(view).verdict, 'good')
  rmSync(join(shop.journal, 'archived.jsonl'))
  for (const name of files) writeFileSync(join(shop.journal, name), readFileSync(join(restored, name)))
  for (const [name, bytes] of before) assert.ok(readFileSync(join(shop.journal, name)).equals(bytes), name)
  await shop.remove()
})

test('says what it would need', async () => {
  const shop = new Workshop()
  await shop.start(1)
  await shop.trade(2)
  await shop.close()
  const { code, err } = await journal(['archive', '--to', 's3', '--data', shop.root])
  assert.is(code, 3, err)
  assert.match(err, /--to s3 needs S3_URL, S3_ACCESS_KEY and S3_SECRET_KEY/)
  await shop.remove()
  for (const name of ['s3:../x', 's3:a/b', 's3:.', `s3:${'x'.repeat(101)}`]) {
    const thrown = await openS3Place('--to', name).catch((error: unknown) => error)
    assert.match(String(thrown), /--to takes s3, or s3: and a name/)
  }
})

test.run()
