/**
 * The scenario with a fault at its n-th call to the disk, for every n (FAULTS.md, 22 and 25 to 28), ends of the start
 * behind it (9), and every image that a loss of power can leave while it runs (15 to 20).
 */
import { createHash } from 'node:crypto'
import { journalDirectory, snapshotDirectory } from '../support/in-process-engine.ts'
import { randomFrom } from '../support/load-client.ts'
import type { ErrorCode, MemoryDisk } from '../support/memory-disk.ts'
import { judge, judgeStart } from './judgement.ts'
import { Scenario } from './scenario.ts'

export type Mode =
  /** Everything ends at that call, and nothing more. */
  | 'killed'
  /** And what is not durable is lost. */
  | 'power lost'
  /** A write writes its first half, and then fails. */
  | 'short write once'
  | `${ErrorCode} once`
  | `${ErrorCode} for ever`

export const modes: readonly Mode[] = [
  'killed',
  'power lost',
  'short write once',
  'EIO once',
  'ENOSPC once',
  'EROFS once',
  'ENOENT once',
  'EIO for ever',
  'ENOSPC for ever',
]

/** One in so many calls, the first of them `from`. */
export type Stride = { readonly every: number; readonly from: number }
/** Told now and then how far a sweep is. */
export type Progress = (line: () => string) => void

const silent: Progress = () => {}

/** How many calls the scenario makes where nothing fails. */
export async function countCalls(): Promise<number> {
  const scenario = new Scenario()
  await scenario.run()
  return scenario.disk.calls
}

/** Runs the scenario once for each n and judges what is left; returns how many n there were. */
export async function sweepCalls(mode: Mode, stride: Stride, progress = silent): Promise<number> {
  const total = await countCalls()
  let points = 0
  for (let n = 1 + (stride.from % stride.every); n <= total; n += stride.every) {
    await failAt(mode, n)
    points += 1
    progress(() => `${mode}: call ${n} of ${total}`)
  }
  return points
}

async function failAt(mode: Mode, n: number): Promise<void> {
  const scenario = new Scenario()
  const { disk, ledger, execution } = scenario
  const where = `${mode} at call ${n}`
  if (mode === 'killed' || mode === 'power lost') {
    disk.onCall = ({ nth }) => {
      if (nth === n) execution.cut()
    }
  } else if (mode === 'short write once') {
    disk.fail({ code: 'EIO', nth: n, short: true })
  } else {
    const [code, often] = mode.split(' ') as [ErrorCode, string]
    disk.fail({ code, nth: n, forever: often === 'for' })
  }
  try {
    await scenario.run()
  } catch (error) {
    throw new Error(where, { cause: error })
  }
  disk.heal()
  const left = mode === 'power lost' ? disk.afterPowerLoss() : disk
  if (mode !== 'power lost') judge(left.copy(), ledger, where)
  judge(left.afterPowerLoss(), ledger, `${where}, then the power`)
  await judgeStart(scenario, left, `${where}, then a start`)
}

/**
 * Ends the scenario at a call, then ends the start behind it at each of its own calls, and judges what both left.
 * Returns how many pairs there were.
 */
export async function sweepStarts(first: Stride, second: Stride, progress = silent): Promise<number> {
  const total = await countCalls()
  let pairs = 0
  for (let n = 1 + (first.from % first.every); n <= total; n += first.every) {
    for (const firstLost of [false, true]) {
      for (let m = 1 + (second.from % second.every); ; m += second.every) {
        const scenario = new Scenario()
        await cutAt(scenario, n, () => scenario.run())
        const { disk } = scenario
        const left = firstLost ? disk.afterPowerLoss() : disk.copy()
        scenario.execution.resume(left)
        if (!(await cutAt(scenario, m, () => scenario.startOnly()))) break
        const where = `ended at call ${n}, ${firstLost ? 'with' : 'without'} the power, the start behind it at its call ${m}`
        judge(left.copy(), scenario.ledger, where)
        judge(left.afterPowerLoss(), scenario.ledger, `${where}, then the power`)
        pairs += 1
        progress(() => `${pairs} pairs, the first at call ${n} of ${total}`)
      }
    }
  }
  return pairs
}

/** Whether the run made so many calls. */
async function cutAt({ disk, execution }: Scenario, n: number, run: () => Promise<void>): Promise<boolean> {
  let wasCut = false
  const before = disk.calls
  disk.onCall = ({ nth }) => {
    if (nth - before !== n) return
    wasCut = true
    execution.cut()
  }
  await run()
  disk.heal()
  return wasCut
}

export type ImageCounts = {
  /** At which something on the disk changed, or somebody was told something. */
  readonly moments: number
  readonly images: number
  /** Those that were not the same as another one, with the same promises. */
  readonly distinct: number
}

/** Judges every image of every moment, and beside them some mixtures of what may be lost, drawn by the seed. */
export async function sweepImages(
  stride: Stride,
  { mixed, seed }: { readonly mixed: number; readonly seed: number },
  progress = silent,
): Promise<ImageCounts> {
  const scenario = new Scenario()
  const { disk, ledger } = scenario
  const random = randomFrom(seed)
  const seen = new Set<string>()
  const counts = { moments: 0, images: 0, distinct: 0 }
  let met = 0
  let wrong: unknown
  const look = (moment: string) => {
    met += 1
    if (wrong !== undefined || (met + stride.from) % stride.every !== 0) return
    counts.moments += 1
    try {
      for (const { name, disk: image } of imagesOf(disk, mixed, random)) {
        counts.images += 1
        const print = printOf(image, ledger.acknowledged)
        if (seen.has(print)) continue
        seen.add(print)
        counts.distinct += 1
        judge(image, ledger, `${moment}: ${name}`)
        progress(() => JSON.stringify(counts))
      }
    } catch (error) {
      wrong = error
    }
  }
  disk.onChange = ({ kind, path, nth }) => look(`after call ${nth}, ${kind} ${path}`)
  scenario.execution.onAnswer = () => look(`after answer ${ledger.acknowledged}`)
  await scenario.run()
  if (wrong !== undefined) throw wrong
  return counts
}

function* imagesOf(disk: MemoryDisk, mixed: number, random: () => number): ReturnType<MemoryDisk['images']> {
  yield* disk.images()
  if (disk.unsynced.length === 0) return
  for (let nth = 0; nth < mixed; nth++) yield { name: `mixture ${nth}`, disk: disk.mixedImage(random) }
}

function printOf(disk: MemoryDisk, acknowledged: number): string {
  const print = createHash('sha1').update(String(acknowledged))
  for (const directory of [journalDirectory, snapshotDirectory])
    for (const name of disk.files(directory)) print.update(name).update(disk.bytesOf(`${directory}/${name}`))
  return print.digest('latin1')
}
