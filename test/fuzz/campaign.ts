/** Runs of requests, each in a world of its own, until one reply was wrong; fast-check then looks for the fewest steps. */
import fc from 'fast-check'
import { importsMax } from '../../src/limits/catalog.ts'
import { stockFaults } from './books.ts'
import type { ApiDocument } from './document.ts'
import { Judge } from './judge.ts'
import { repetitionFaults } from './repetitions.ts'
import { type FuzzStep, stepsWith } from './steps.ts'
import { FuzzWorld, type Sent, type WorldOptions } from './world.ts'

export type Campaign = {
  readonly seed: number
  readonly runs: number
  /** Of one run; half as many on average. */
  readonly stepsMax: number
  readonly sabotage?: WorldOptions['sabotage']
  /** Only these paths are asked for; all unless given. */
  readonly about?: RegExp
  /** Whether a fault is worth looking for fewer steps that show it. */
  readonly shrinks?: boolean
  /** Told after each run how many requests have been sent in all. */
  readonly onProgress?: (requests: number) => void
}

/** Now and then nobody may ask often. */
const RATES = { customer: 2, address: 3, key: 20 }
/** What those are told who ask a shard whose worker has died, or had asked it. */
const WITHOUT_WORKER = ['shard-unavailable', 'outcome-unknown']
/** What some of those are told who import at the same time. */
const TOO_MANY_IMPORTS = ['overloaded']
const IMPORT = /^\/v1\/products\/import(?:$|\?)/
/** Once there is a fault, so many runs are to show it with fewer steps. */
const TRIES_MAX = 300
const NOTHING: ReadonlySet<string> = new Set()

/** Throws at the first fault, with few steps that show it. Answers which replies were seen how often. */
export async function run(campaign: Campaign): Promise<ReadonlyMap<string, number>> {
  const {
    seed,
    runs,
    stepsMax,
    sabotage = (parts) => parts,
    about = /^/,
    shrinks = true,
    onProgress = () => {},
  } = campaign
  const document = await readDocument()
  const judge = new Judge(document)
  const paths = Object.entries(document.paths).filter(([path]) => about.test(path))
  const asked = { ...document, paths: Object.fromEntries(paths) }
  let triesLeft = Number.POSITIVE_INFINITY
  const isLimited = fc.nat({ max: 9 }).map((drawn) => drawn === 9)
  await fc.assert(
    fc.asyncProperty(stepsWith(asked, stepsMax), isLimited, async (steps, limited) => {
      if (triesLeft === 0) return
      await using world = await FuzzWorld.start({ rates: limited ? RATES : {}, sabotage })
      try {
        for (const step of steps) await play(world, judge, step)
        expectNone(await stockFaults(world))
      } catch (fault) {
        triesLeft = Math.min(triesLeft, TRIES_MAX)
        throw fault
      } finally {
        triesLeft -= 1
      }
      onProgress(judge.judged)
    }),
    { seed, numRuns: runs, endOnFailure: !shrinks },
  )
  return judge.seen
}

/** As the app itself publishes it. */
export async function readDocument(): Promise<ApiDocument> {
  await using world = await FuzzWorld.start()
  const response = await world.app.request('/openapi.json')
  const document: ApiDocument = JSON.parse(await response.text())
  return document
}

/** Throws at the first fault. */
async function play(world: FuzzWorld, judge: Judge, step: FuzzStep): Promise<void> {
  const { waitMs, requests, twice, again, kills } = step
  if (waitMs > 0) await world.pass(waitMs)
  const filled = requests.map((request) => world.filled(request))
  const [first] = filled
  const sent = await world.send(twice && first !== undefined ? [...filled, first] : filled, kills)
  for (const each of sent) expectNone(judge.faultsIn(each, excusedIn(sent, kills)), each)
  // What was only logged may be any one's of those sent together.
  expectNone(world.mistakes, sent.at(-1))
  const [original, last] = [sent[0], sent.at(-1)]
  if (original === undefined || last === undefined) return
  if (twice) expectNone(repetitionFaults(original, last), original)
  if (!again) return
  const [repeated] = await world.send([original.request])
  if (repeated === undefined) return
  expectNone([...judge.faultsIn(repeated, NOTHING), ...repetitionFaults(original, repeated)], repeated)
}

/** Failures that the circumstances of those sent together explain. */
function excusedIn(sent: readonly Sent[], kills: FuzzStep['kills']): ReadonlySet<string> {
  const imports = sent.filter(({ request: { method, target } }) => method === 'POST' && IMPORT.test(target))
  return new Set([
    ...(kills === undefined ? [] : WITHOUT_WORKER),
    ...(imports.length > importsMax ? TOO_MANY_IMPORTS : []),
  ])
}

function expectNone(faults: readonly string[], sent?: Sent): void {
  if (faults.length === 0) return
  const about =
    sent === undefined ? '' : `\n${JSON.stringify(sent.request)}\n${sent.reply.status} ${sent.reply.text}`
  throw new Error(faults.join('\n') + about)
}
