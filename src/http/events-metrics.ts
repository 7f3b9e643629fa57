/** What the events' thread says of itself, as Prometheus metrics. Made anew for each scrape: the numbers live in its thread. */
import { Counter, Gauge, Registry } from 'prom-client'
import type { RelayStatus } from '../events/relay.ts'

/** `status` is absent where the thread did not answer. */
export function eventsRegistry(status: RelayStatus | undefined, restarts: number): Registry {
  const registry = new Registry()
  const registers = [registry]
  const gauge = (name: string, help: string, value: number) => new Gauge({ name, help, registers }).set(value)
  const counter = (name: string, help: string, value: number) =>
    new Counter({ name, help, registers }).inc(value)

  counter('holdfast_events_restarts_total', 'Times the events’ thread was replaced.', restarts)
  if (status === undefined) return registry
  const { leads, trouble, behindEvents, behindMs, told, failures, openings } = status
  gauge('holdfast_events_leads', 'Whether this node tells the broker.', leads ? 1 : 0)
  gauge(
    'holdfast_events_trouble',
    'Whether something keeps it from telling: broker, journal or tables.',
    trouble === undefined ? 0 : 1,
  )
  gauge('holdfast_events_lag_seconds', 'How long not all that had happened has been told.', behindMs / 1_000)
  gauge('holdfast_events_untold', 'Events of the journal that are known to be untold.', behindEvents)
  counter('holdfast_events_told_total', 'Events told since the thread started.', told)
  counter('holdfast_events_failures_total', 'Tries to read or tell that came to nothing.', failures)
  counter('holdfast_events_openings_total', 'Times it went on from what the broker said.', openings)
  return registry
}
