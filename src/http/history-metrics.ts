/** What the history says of itself, as Prometheus metrics. Made anew for each scrape: the numbers live in its thread. */
import { Counter, Gauge, Registry } from 'prom-client'
import type { HistoryStatus } from '../history/history-protocol.ts'

/** `status` is absent where the thread did not answer. */
export function historyRegistry(status: HistoryStatus | undefined, restarts: number): Registry {
  const registry = new Registry()
  const registers = [registry]
  const gauge = (name: string, help: string, value: number) => new Gauge({ name, help, registers }).set(value)
  const counter = (name: string, help: string, value: number) =>
    new Counter({ name, help, registers }).inc(value)

  counter('holdfast_history_restarts_total', 'Times the history’s thread was replaced.', restarts)
  if (status === undefined) return registry
  const { keeps, isFilled, isReady, behindEvents, behindMs, events, rebuilds, bytes } = status
  gauge(
    'holdfast_history_ready',
    'Whether lists and past stock are answered, by this node or by one of those that keep a history.',
    isReady ? 1 : 0,
  )
  gauge('holdfast_history_keeps', 'Whether this node keeps a history, as at most two do.', keeps ? 1 : 0)
  gauge(
    'holdfast_history_filled',
    'Whether it keeps one that has come to the journal’s end, so that it answers others.',
    isFilled ? 1 : 0,
  )
  gauge(
    'holdfast_history_lag_seconds',
    'Age of the newest event taken, while there are newer ones.',
    behindMs / 1_000,
  )
  gauge(
    'holdfast_history_lag_events',
    'Events known to be in the journal and not taken; there may be more.',
    behindEvents,
  )
  gauge('holdfast_history_projection_bytes', 'Bytes of the projection’s files.', bytes)
  gauge(
    'holdfast_history_watched_products',
    'Products whose changes a listener is told of.',
    status.watchedProducts,
  )
  gauge(
    'holdfast_history_waiting_questions',
    'Questions that wait for a position, or for another node.',
    status.waitingQuestions,
  )
  counter(
    'holdfast_history_questions_passed_on_total',
    'Questions that other nodes were asked.',
    status.questionsPassedOn,
  )
  counter('holdfast_history_events_total', 'Events taken since the thread started.', events)
  counter('holdfast_history_rebuilds_total', 'Times the projection was filled anew.', rebuilds)
  return registry
}
