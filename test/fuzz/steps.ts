/** Requests in time: mostly one after another, now and then several at once, repeated, or while a worker dies. */
import fc from 'fast-check'
import type { ApiDocument } from './document.ts'
import { JOURNEYS } from './journeys.ts'
import { type FuzzRequest, requestTo } from './requests.ts'

export type FuzzStep = {
  /** Time that passes before it. */
  readonly waitMs: number
  /** All are sent in the same moment; the first twice if it is `twice`. */
  readonly requests: readonly FuzzRequest[]
  readonly twice: boolean
  /** The first is sent once more when all have been answered. */
  readonly again: boolean
  /** A worker that dies when all have been sent, and is replaced when all have been answered. */
  readonly kills: number | undefined
}

/** Steps of one run. */
export function stepsWith(document: ApiDocument, stepsMax: number): fc.Arbitrary<readonly FuzzStep[]> {
  const request = requestTo(document)
  const several = fc.array(request, { minLength: 2, maxLength: 6 })
  const step = fc.record({
    waitMs: waits,
    requests: fc.oneof({ weight: 12, arbitrary: fc.tuple(request) }, { weight: 1, arbitrary: several }),
    twice: onceIn(12),
    again: onceIn(8),
    kills: fc.oneof(
      { weight: 300, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.nat({ max: 1 }) },
    ),
  })
  const journey = fc
    .constantFrom(...JOURNEYS)
    .map((sent) => sent.map((one): FuzzStep => ({ ...AT_ONCE, requests: [one] })))
  const some = fc.oneof(
    { weight: 80, arbitrary: step.map((one): readonly FuzzStep[] => [one]) },
    { weight: 1, arbitrary: journey },
  )
  return fc.array(some, { minLength: 1, maxLength: stepsMax, size: 'max' }).map((steps) => steps.flat())
}

const AT_ONCE = { waitMs: 0, twice: false, again: false, kills: undefined }

/** Most come at once; some holds expire before the next, and now and then all that did not say how long they live. */
const waits = fc.oneof(
  { weight: 120, arbitrary: fc.constant(0) },
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 3_000 }) },
  { weight: 4, arbitrary: fc.constant(15_000) },
  { weight: 1, arbitrary: fc.constant(610_000) },
)

function onceIn(times: number): fc.Arbitrary<boolean> {
  return fc.nat({ max: times - 1 }).map((drawn) => drawn === times - 1)
}
