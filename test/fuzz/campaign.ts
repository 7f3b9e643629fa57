/** Runs of requests, each in a world of its own, until so many were sent or one reply was wrong; fast-check shrinks those. */
import fc from 'fast-check'
import { stockFaults } from './books.ts'
import type { ApiDocument } from './document.ts'
import { Judge } from './judge.ts'
import { type FuzzRequest, requestsTo } from './requests.ts'
import { FuzzWorld, type Sent, type WorldOptions } from './world.ts'

export type Campaign = {
  readonly seed: number
  readonly runs: number
  /** Requests of one run at most; about half of it on average. */
  readonly requestsMax: number
  /** Told after each run how many requests were sent so far. */
  readonly sabotage?: WorldOptions['sabotage']
  readonly onProgress?: (sent: number) => void
}

/** Now and then nobody may ask often. */
const RATES = { customer: 2, address: 3, key: 20 }

/** Throws at the first fault with the fewest requests that show it. Answers what was seen how often. */
export async function run({
  seed,
  runs,
  requestsMax,
  sabotage = (parts) => parts,
  onProgress,
}: Campaign): Promise<ReadonlyMap<string, number>> {
  const document = await readDocument()
  const judge = new Judge(document)
  let sent = 0
  const isLimited = fc.nat({ max: 9 }).map((n) => n === 0)
  await fc.assert(
    fc.asyncProperty(requestsTo(document, requestsMax), isLimited, async (requests, limited) => {
      await using world = await FuzzWorld.start({ rates: limited ? RATES : {}, sabotage })
      await play(world, judge, requests)
      sent += requests.length
      onProgress?.(sent)
    }),
    { seed, numRuns: runs },
  )
  return judge.seen
}

/** Sends them one after another. Throws at the first fault. */
export async function play(world: FuzzWorld, judge: Judge, requests: readonly FuzzRequest[]): Promise<void> {
  for (const request of requests) {
    const sent = await world.send(request)
    expectNone([...judge.faultsIn(sent), ...world.mistakes], sent)
  }
  expectNone(await stockFaults(world))
}

/** As the app itself publishes it. */
export async function readDocument(): Promise<ApiDocument> {
  await using world = await FuzzWorld.start()
  const response = await world.app.request('/openapi.json')
  const document: ApiDocument = JSON.parse(await response.text())
  return document
}

function expectNone(faults: readonly string[], sent?: Sent): void {
  if (faults.length === 0) return
  const about =
    sent === undefined ? '' : `\n${JSON.stringify(sent.request)}\n${sent.reply.status} ${sent.reply.text}`
  throw new Error(faults.join('\n') + about)
}
