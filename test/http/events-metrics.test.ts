import * as assert from 'uvu/assert'
import { eventsRegistry } from '../../src/http/events-metrics.ts'
import { suite } from '../support/suite.ts'

const STATUS = {
  leads: true,
  trouble: 'broker',
  behindEvents: 12,
  behindMs: 1_500,
  told: 100,
  failures: 3,
  openings: 2,
} as const

const metrics = suite('what the events’ thread says of itself')

metrics('stands in its metrics', async () => {
  const text = await eventsRegistry(STATUS, 2).metrics()
  for (const line of [
    'holdfast_events_restarts_total 2',
    'holdfast_events_leads 1',
    'holdfast_events_trouble 1',
    'holdfast_events_untold 12',
    'holdfast_events_lag_seconds 1.5',
    'holdfast_events_told_total 100',
    'holdfast_events_failures_total 3',
    'holdfast_events_openings_total 2',
  ])
    assert.ok(text.split('\n').includes(line), line)
  assert.match(await eventsRegistry({ ...STATUS, trouble: undefined }, 0).metrics(), /_trouble 0$/m)
})

metrics('is little where the thread does not answer', async () => {
  const silent = await eventsRegistry(undefined, 1).metrics()
  assert.match(silent, /holdfast_events_restarts_total 1/)
  assert.not.match(silent, /holdfast_events_leads/)
})

metrics.run()
