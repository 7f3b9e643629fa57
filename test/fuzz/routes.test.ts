/**
 * Requests to every route, made from the app's own OpenAPI document and damaged here and there: each is answered as that
 * document says, nothing breaks, and the stock adds up.
 *
 * The seed is printed; `TEST_SEED=<it> npm test -- fuzz/routes` sends the same again.
 */
import * as assert from 'uvu/assert'
import { EngineError } from '../../src/actors/engine-error.ts'
import type { HttpParts } from '../../src/http/parts.ts'
import { note, suite } from '../support/suite.ts'
import { readDocument, run } from './campaign.ts'
import { placesOf } from './document.ts'

const RUNS = 40
const STEPS_MAX = 200
const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))

const fuzz = suite('requests to every route')

fuzz('are answered as the OpenAPI document says, and leave a stock that adds up', async () => {
  note(`TEST_SEED=${seed}`)
  const seen = await run({ seed, runs: RUNS, stepsMax: STEPS_MAX })
  const requests = [...seen.values()].reduce((sum, count) => sum + count)
  note(`${requests} requests, ${seen.size} kinds of answer`)
  assert.ok(requests > 500, String(requests))
  // A route that never lets anybody through was not tried.
  const successes = new Set(
    [...seen.keys()].filter((answer) => / 2\d\d/.test(answer)).map((answer) => answer.split(':')[0]),
  )
  const expected = placesOf(await readDocument()).map(({ operation }) => operation.operationId)
  const missed = expected.filter((id) => !successes.has(id))
  note(`${missed.length} of ${expected.length} operations never succeeded`)
  assert.ok(missed.length <= expected.length / 3, `never succeeded: ${missed}`)
})

fuzz.run()

const faults = suite('faults that are planted')

/** An engine that fails at reading a place in line, which the books do not ask for. */
function failing(thrown: () => Error): (parts: HttpParts) => HttpParts {
  return (parts) => ({
    ...parts,
    engine: {
      newReservationId: (productId) => parts.engine.newReservationId(productId),
      isCrowded: false,
      execute: (request) =>
        request.type === 'readWaitlist' ? Promise.reject(thrown()) : parts.engine.execute(request),
    },
  })
}

for (const [what, thrown, found] of [
  [
    'a handler that throws',
    () => new TypeError('planted'),
    /500 internal-error was not planned|"message":"planted"/,
  ],
  [
    'a shard that is away',
    () => new EngineError('shard-unavailable', 'planted'),
    /503 shard-unavailable was not planned/,
  ],
  [
    'an outcome that no read has',
    () => new EngineError('outcome-unknown', 'planted'),
    // A reply to HEAD has no code.
    /504 (?:outcome-unknown)? is not documented/,
  ],
] as const) {
  faults(`${what} is found, and told with the request it came of`, async () => {
    const said = await run({
      seed,
      // Where it is, and what comes before: of all routes one request in some hundred would meet it.
      about: /waitlist|adjustments|reservations$/,
      runs: 16,
      stepsMax: 200,
      shrinks: false,
      sabotage: failing(thrown),
    }).then(
      () => 'nothing was found',
      (error: Error) => `${error.message}\n${error.cause}`,
    )
    assert.ok(found.test(said), said)
    assert.match(said, /products\/\S+\/waitlist/)
  })
}

faults.run()
