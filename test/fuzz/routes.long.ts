/**
 * As `routes.test.ts`, a hundred times as much of it: no fault, and no answer left out that a healthy server can give.
 *
 * `TEST_SEED=<seed> TEST_REQUESTS=<count>` say otherwise; the figures are in test/results/fuzz.json.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { note, suite } from '../support/suite.ts'
import { readDocument, run } from './campaign.ts'
import { placesOf } from './document.ts'

const REQUESTS = Number(process.env.TEST_REQUESTS ?? 120_000)
const STEPS_MAX = 400
/** As runs have had on average; they differ, and the figure is what was counted. */
const REQUESTS_PER_RUN = 240
const PROGRESS_MS = 10_000
const RESULTS = join(import.meta.dirname, '..', 'results')
const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))

const fuzz = suite('many requests to every route', { limitMs: 3_000_000 })

fuzz(
  'are answered as the OpenAPI document says, each way it can be, and leave a stock that adds up',
  async () => {
    note(`TEST_SEED=${seed}`)
    const beganMs = Date.now()
    let saidMs = beganMs
    const seen = await run({
      seed,
      runs: Math.ceil(REQUESTS / REQUESTS_PER_RUN),
      stepsMax: STEPS_MAX,
      onProgress: (requests) => {
        if (Date.now() - saidMs < PROGRESS_MS) return
        saidMs = Date.now()
        note(`${requests} requests, ${Math.round((saidMs - beganMs) / 1_000)} s, ${rssMb()} MB`)
      },
    })
    const requests = [...seen.values()].reduce((sum, count) => sum + count, 0)
    const seconds = (Date.now() - beganMs) / 1_000
    const command = `TEST_SEED=${seed} TEST_REQUESTS=${REQUESTS} npm test -- test/fuzz/routes.long.ts`
    const answers = Object.fromEntries([...seen].sort(([a], [b]) => (a < b ? -1 : 1)))
    mkdirSync(RESULTS, { recursive: true })
    const results = {
      requests,
      kindsOfAnswer: seen.size,
      faults: 0,
      seed,
      command,
      seconds,
      rssMb: rssMb(),
      answers,
    }
    writeFileSync(join(RESULTS, 'fuzz.json'), `${JSON.stringify(results, undefined, 2)}\n`)
    note(`${requests} requests, ${seen.size} kinds of answer, ${seconds} s`)

    const successes = new Set(
      [...seen.keys()].flatMap((answer) => (/ 20\d/.test(answer) ? [answer.split(':')[0]] : [])),
    )
    const operations = placesOf(await readDocument()).map(({ operation }) => operation.operationId)
    assert.equal(
      operations.filter((id) => !successes.has(id)),
      [],
      'operations that never succeeded',
    )
    const codes = new Set([...seen.keys()].map((answer) => answer.split(' ').at(-1)))
    assert.equal(
      reachable.filter((code) => !codes.has(code)),
      [],
      'problems that nobody was told',
    )
  },
)

fuzz.run()

/** All but those of a server that is full, behind, closing or broken, and of rules that take hours or thousands. */
const reachable =
  `malformed-request malformed-json validation-failed unauthenticated forbidden not-found unknown-product
  unknown-reservation not-waiting unknown-api-key method-not-allowed body-too-large unsupported-media-type
  idempotency-mismatch rate-limited expiry-cooldown out-of-stock per-customer-limit max-per-reservation sale-not-open
  sale-closed reservation-resolved not-confirmed payment-started exceeds-held exceeds-confirmed stock-below-held
  stock-version-mismatch stock-above-max stock-available already-waiting history-behind shard-unavailable
  outcome-unknown`.split(/\s+/)

function rssMb(): number {
  return Math.round(process.memoryUsage().rss / 2 ** 20)
}
