import { Counter, Gauge, type Registry } from 'prom-client'
import type { StockStreams } from './stock-streams.ts'

/** What a listener's streams count, read when it is scraped. */
export function registerStreamMetrics(registry: Registry, streams: StockStreams): void {
  const registers = [registry]
  new Gauge({
    name: 'holdfast_stock_streams',
    help: 'Clients that listen for live stock.',
    registers,
    collect() {
      this.set(streams.size)
    },
  })
  const counter = (name: string, help: string, value: () => number) =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(value())
      },
    })
  const { counters } = streams
  counter('holdfast_stock_stream_events_total', 'Events sent to them.', () => counters.events)
  counter(
    'holdfast_stock_stream_coalesced_total',
    'Versions that a later one stood for.',
    () => counters.coalesced,
  )
  counter('holdfast_stock_stream_refused_total', 'Clients there was no room for.', () => counters.refused)
}
