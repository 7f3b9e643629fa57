/**
 * As `routes.test.ts`, sixty times as much of it: no fault, and nothing left out that a healthy server can answer.
 *
 * `TEST_SEED=<seed> TEST_REQUESTS=<count>` say otherwise; figures and progress are in test/results/fuzz.json and fuzz.log.
 */
import * as assert from 'uvu/assert'
import { LongFigure } from '../support/long-figure.ts'
import { note, suite } from '../support/suite.ts'
import { readDocument, run } from './campaign.ts'
import { placesOf } from './document.ts'

const REQUESTS = Number(process.env.TEST_REQUESTS ?? 120_000)
const STEPS_MAX = 400
/** Fewer than a run has on average: what counts is what was counted. */
const REQUESTS_PER_RUN = 240
const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))

const fuzz = suite('many requests to every route', { limitMs: 3_000_000 })

fuzz(
  'are answered as the OpenAPI document says, each way it can be, and leave a stock that adds up',
  async () => {
    const figure = new LongFigure('fuzz')
    const runs = Math.ceil(REQUESTS / REQUESTS_PER_RUN)
    const onProgress = (requests: number) => figure.progress(() => `${requests} requests, ${rssMb()} MB`)
    const seen = await run({ seed, runs, stepsMax: STEPS_MAX, onProgress })
    const requests = [...seen.values()].reduce((sum, count) => sum + count, 0)
    figure.end({
      command: `TEST_SEED=${seed} TEST_REQUESTS=${REQUESTS} npm test -- test/fuzz/routes.long.ts`,
      seed,
      requests,
      faults: 0,
      kindsOfAnswer: seen.size,
      rssMb: rssMb(),
      answers: Object.fromEntries([...seen].sort(([a], [b]) => (a < b ? -1 : 1))),
    })
    note(`TEST_SEED=${seed}: ${requests} requests, ${seen.size} kinds of answer`)
    assert.ok(requests >= REQUESTS, `${requests} requests`)

    const answers = [...seen.keys()]
    const successes = new Set(
      answers.flatMap((answer) => (/: 20\d/.test(answer) ? [answer.split(':')[0]] : [])),
    )
    const operations = placesOf(await readDocument()).map(({ operation }) => operation.operationId)
    const failing = operations.filter((id) => !successes.has(id) && !SIGNED.has(id))
    assert.equal(failing, [], 'operations that never succeeded')
    const told = new Set(answers.map((answer) => answer.split(' ').at(-1)))
    const untold = reachable.filter((code) => !told.has(code))
    assert.equal(untold, [], 'problems that nobody was told')
  },
)

fuzz.run()

/** Succeed for those alone who know the provider's secret: deliveries.long.ts is about them. */
const SIGNED: ReadonlySet<string> = new Set(['hearPaymentProvider'])

/** All but those of a server that is full, closing or broken, and of rules that take hours or thousands. */
const reachable =
  `malformed-request malformed-json validation-failed unauthenticated forbidden not-found unknown-product
  unknown-reservation not-waiting unknown-api-key unknown-webhook unknown-delivery method-not-allowed body-too-large unsupported-media-type
  idempotency-mismatch idempotency-in-flight rate-limited expiry-cooldown out-of-stock per-customer-limit
  max-per-reservation sale-not-open sale-closed reservation-resolved not-confirmed payment-started exceeds-held
  exceeds-confirmed stock-below-held stock-version-mismatch stock-above-max stock-available already-waiting
  history-behind shard-unavailable outcome-unknown product-exists product-retired precondition-failed
  not-a-buyer already-reviewed wrong-credentials invalid-refresh-token wrong-password unknown-user unknown-address
  email-taken`.split(/\s+/)

function rssMb(): number {
  return Math.round(process.memoryUsage().rss / 2 ** 20)
}
