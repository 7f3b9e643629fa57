/**
 * The script of crash-scenario.ts with a fault at its n-th call to the disk, for every n (FAULTS.md, 9, 22 and 27), and
 * every image that a loss of power can leave while it runs (15 to 20).
 */
import { createHash } from 'node:crypto'
import type { ErrorCode, MemoryDisk } from '../support/memory-disk.ts'
import { checkDisk, checkStart, type Ledger, Scenario } from './crash-scenario.ts'

export type Mode =
  /** Everything ends at that call, and nothing more. */
  | 'killed'
  /** And what is not durable is lost. */
  | 'power lost'
  | `${ErrorCode} once`
  | `${ErrorCode} for ever`

export const modes: readonly Mode[] = [
  'killed',
  'power lost',
  'EIO once',
  'ENOSPC once',
  'EROFS once',
  'EIO for ever',
  'ENOSPC for ever',
]

/** One in so many calls, the first of them `from`. */
export type Stride = { readonly every: number; readonly from: number }

/** How many calls the script makes where nothing fails. */
export async function countCalls(): Promise<number> {
  const scenario = new Scenario()
  await scenario.run()
  return scenario.disk.calls
}

/** Runs the script once for each n and checks what is left; returns how many n there were. */
export async function sweepCalls(mode: Mode, stride: Stride): Promise<number> {
  const total = await countCalls()
  let points = 0
  for (let n = 1 + (stride.from % stride.every); n <= total; n += stride.every) {
    await failAt(mode, n)
    points += 1
  }
  return points
}

async function failAt(mode: Mode, n: number): Promise<void> {
  const scenario = new Scenario()
  const { disk, ledger, timers } = scenario
  const where = `${mode} at call ${n}`
  if (mode === 'killed' || mode === 'power lost') {
    disk.onCall = ({ nth }) => {
      if (nth === n) scenario.cut()
    }
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
  checkDisk(left.copy(), ledger, where)
  checkDisk(left.afterPowerLoss(), ledger, `${where}, then the power`)
  await checkStart(left, ledger, `${where}, then a start`, timers)
}

/**
 * Ends the script at a call, then ends the start after it at each of its own calls, and checks the start after that.
 * Returns how many pairs there were.
 */
export async function sweepStarts(first: Stride, second: Stride): Promise<number> {
  const total = await countCalls()
  let pairs = 0
  for (let n = 1 + (first.from % first.every); n <= total; n += first.every) {
    for (const firstLost of [false, true]) {
      const scenario = new Scenario()
      scenario.disk.onCall = ({ nth }) => {
        if (nth === n) scenario.cut()
      }
      await scenario.run()
      scenario.disk.heal()
      const image = () => (firstLost ? scenario.disk.afterPowerLoss() : scenario.disk.copy())
      for (let m = 1 + (second.from % second.every); ; m += second.every) {
        const again = new Scenario(image())
        let wasCut = false
        again.disk.onCall = ({ nth }) => {
          if (nth !== m) return
          wasCut = true
          again.cut()
        }
        const where = `ended at call ${n}, the start after it at its call ${m}`
        await again.startOnly()
        again.disk.heal()
        if (!wasCut) break
        pairs += 1
        checkDisk(again.disk.copy(), scenario.ledger, where)
        checkDisk(again.disk.afterPowerLoss(), scenario.ledger, `${where}, then the power`)
      }
    }
  }
  return pairs
}

export type ImageCounts = { readonly moments: number; readonly images: number; readonly checked: number }

/** Checks every image of every moment at which something on the disk changed or somebody was told something. */
export async function sweepImages(stride: Stride): Promise<ImageCounts> {
  const scenario = new Scenario()
  const { disk } = scenario
  const seen = new Set<string>()
  let [moments, images, checked, met] = [0, 0, 0, 0]
  let wrong: unknown
  const look = (moment: string) => {
    met += 1
    if (wrong !== undefined || (met + stride.from) % stride.every !== 0) return
    moments += 1
    try {
      for (const { name, disk: image } of disk.images()) {
        images += 1
        const print = printOf(image, scenario.ledger)
        if (seen.has(print)) continue
        seen.add(print)
        checked += 1
        checkDisk(image, scenario.ledger.clone(), `${moment}: ${name}`)
      }
    } catch (error) {
      wrong = error
    }
  }
  disk.onChange = ({ kind, path, nth }) => look(`after call ${nth}, ${kind} ${path}`)
  scenario.onAnswer = () => look(`after answer ${scenario.ledger.acknowledged}`)
  await scenario.run()
  if (wrong !== undefined) throw wrong
  return { moments, images, checked }
}

function printOf(disk: MemoryDisk, { acknowledged }: Ledger): string {
  const print = createHash('sha1').update(String(acknowledged))
  for (const directory of ['/data/journal', '/data/snapshots']) {
    for (const name of disk.files(directory)) print.update(name).update(disk.bytesOf(`${directory}/${name}`))
  }
  return print.digest('hex')
}
