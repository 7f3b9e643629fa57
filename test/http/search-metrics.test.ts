import * as assert from 'uvu/assert'
import { searchRegistry } from '../../src/http/search-metrics.ts'
import { suite } from '../support/suite.ts'

const STATUS = {
  isFilled: true,
  products: 7,
  behindMs: 1_500,
  searches: 20,
  waitingQuestions: 2,
  server: undefined,
  projector: { puts: 8, removals: 1, transitions: 3 },
}
const SERVER = {
  isServing: false,
  owed: 4,
  parked: [{ productId: 'x' as never, why: 'poison' }],
  writes: 9,
  rebuilds: 1,
}

const metrics = suite('what the search says of itself')

metrics('stands in its metrics', async () => {
  const text = await searchRegistry({ ...STATUS, server: SERVER }, 2).metrics()
  for (const line of [
    'holdfast_search_restarts_total 2',
    'holdfast_search_ready 1',
    'holdfast_search_products 7',
    'holdfast_search_lag_seconds 1.5',
    'holdfast_search_waiting_questions 2',
    'holdfast_search_questions_total 20',
    'holdfast_search_puts_total 8',
    'holdfast_search_removals_total 1',
    'holdfast_search_stock_transitions_total 3',
    'holdfast_search_server_serving 0',
    'holdfast_search_server_owed_products 4',
    'holdfast_search_server_parked_products 1',
    'holdfast_search_server_writes_total 9',
    'holdfast_search_server_rebuilds_total 1',
  ])
    assert.ok(text.split('\n').includes(line), line)
})

metrics(
  'says nothing of a server where there is none, and little of a thread that does not answer',
  async () => {
    assert.not.match(await searchRegistry(STATUS, 0).metrics(), /search_server/)
    const silent = await searchRegistry(undefined, 1).metrics()
    assert.match(silent, /holdfast_search_restarts_total 1/)
    assert.not.match(silent, /holdfast_search_ready/)
  },
)

metrics.run()
