/** What the search says of itself, as Prometheus metrics. Made anew for each scrape: the numbers live in its thread. */
import { Counter, Gauge, Registry } from 'prom-client'
import type { SearchStatus } from '../search/search-protocol.ts'

/** `status` is absent where the thread did not answer. */
export function searchRegistry(status: SearchStatus | undefined, restarts: number): Registry {
  const registry = new Registry()
  const registers = [registry]
  const gauge = (name: string, help: string, value: number) => new Gauge({ name, help, registers }).set(value)
  const counter = (name: string, help: string, value: number) =>
    new Counter({ name, help, registers }).inc(value)

  counter('holdfast_search_restarts_total', 'Times the search’s thread was replaced.', restarts)
  if (status === undefined) return registry
  const { isFilled, products, behindMs, searches, waitingQuestions, projector } = status
  gauge('holdfast_search_ready', 'Whether searches are answered.', isFilled ? 1 : 0)
  gauge('holdfast_search_products', 'Products in the index.', products)
  gauge(
    'holdfast_search_lag_seconds',
    'How long the index has not held all that had happened.',
    behindMs / 1_000,
  )
  gauge('holdfast_search_waiting_questions', 'Searches that wait for a position.', waitingQuestions)
  counter('holdfast_search_questions_total', 'Searches answered since the thread started.', searches)
  counter('holdfast_search_puts_total', 'Documents put into the index.', projector.puts)
  counter('holdfast_search_removals_total', 'Products taken out of the index.', projector.removals)
  counter(
    'holdfast_search_stock_transitions_total',
    'Products that came into stock, or went out of it, in the index.',
    projector.transitions,
  )
  const { server } = status
  if (server === undefined) return registry
  gauge(
    'holdfast_search_server_serving',
    'Whether the search server answers searches.',
    server.isServing ? 1 : 0,
  )
  gauge(
    'holdfast_search_server_owed_products',
    'Products the search server is still to be told of.',
    server.owed,
  )
  gauge('holdfast_search_server_parked_products', 'Products the search server refuses.', server.parked.length)
  counter('holdfast_search_server_writes_total', 'Documents and stocks it was told.', server.writes)
  counter('holdfast_search_server_rebuilds_total', 'Times its index was made anew.', server.rebuilds)
  return registry
}
