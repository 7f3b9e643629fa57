/**
 * Counts and times requests by route, method and status.
 *
 * On the hot path a request is two additions and a short search: prom-client would hash its labels for each. The
 * numbers become Prometheus' when somebody scrapes.
 */
import { Counter, Histogram, type Registry } from 'prom-client'

const LABELS = ['route', 'method', 'status'] as const
type Label = (typeof LABELS)[number]

/** Seconds; OpenTelemetry's advice for HTTP, and finer where a reservation should be. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const MS_PER_SECOND = 1_000

type Series = {
  readonly labels: Readonly<Record<Label, string>>
  /** One for each of `BUCKETS`, not yet cumulated; slower ones are in `count` only. */
  readonly buckets: number[]
  count: number
  sumSeconds: number
}

/** One route and method; resolve it once, then `record` each request. */
export class RouteMeter {
  readonly #route: string
  readonly #method: string
  readonly #byStatus = new Map<number, Series>()

  constructor(route: string, method: string) {
    this.#route = route
    this.#method = method
  }

  record(status: number, durationMs: number): void {
    const series = this.#byStatus.get(status) ?? this.#begin(status)
    const seconds = durationMs / MS_PER_SECOND
    series.count += 1
    series.sumSeconds += seconds
    for (let i = 0; i < BUCKETS.length; i++) {
      if (seconds > (BUCKETS[i] ?? 0)) continue
      series.buckets[i] = (series.buckets[i] ?? 0) + 1
      return
    }
  }

  series(): Iterable<Series> {
    return this.#byStatus.values()
  }

  #begin(status: number): Series {
    const labels = { route: this.#route, method: this.#method, status: String(status) }
    const series: Series = { labels, buckets: BUCKETS.map(() => 0), count: 0, sumSeconds: 0 }
    this.#byStatus.set(status, series)
    return series
  }
}

/** The HTTP metrics of one listener, registered where it is made. */
export class HttpMetrics {
  readonly #meters: RouteMeter[] = []

  constructor(registry: Registry) {
    const allSeries = () => this.#meters.flatMap((meter) => [...meter.series()])
    new Counter({
      name: 'holdfast_http_requests_total',
      help: 'Requests answered, by route template, method and status.',
      labelNames: LABELS,
      registers: [registry],
      collect() {
        this.reset()
        for (const { labels, count } of allSeries()) this.inc(labels, count)
      },
    })
    registry.registerMetric(new Durations(allSeries))
  }

  /** `route` is a template, never a path as it was asked for: labels must stay few. */
  meter(route: string, method: string): RouteMeter {
    const meter = new RouteMeter(route, method)
    this.#meters.push(meter)
    return meter
  }
}

const DURATIONS = {
  name: 'holdfast_http_request_duration_seconds',
  help: 'From a request’s header fields to its reply, by route template, method and status.',
}

/** A histogram whose buckets are filled elsewhere. */
class Durations extends Histogram<Label> {
  readonly #series: () => readonly Series[]

  constructor(series: () => readonly Series[]) {
    super({ ...DURATIONS, labelNames: LABELS, buckets: BUCKETS, registers: [] })
    this.#series = series
  }

  /** Where prom-client 15 takes a histogram's values from, for its text and for `get` alike; its types omit it. */
  getForPromString() {
    return Promise.resolve({
      ...DURATIONS,
      type: 'histogram',
      aggregator: 'sum',
      values: this.#series().flatMap(valuesOf),
    })
  }
}

function valuesOf({ labels: sharedLabels, buckets, count, sumSeconds }: Series) {
  let below = 0
  const cumulated = buckets.map((inBucket, i) => {
    below += inBucket
    return { metricName: `${DURATIONS.name}_bucket`, labels: { le: BUCKETS[i] }, sharedLabels, value: below }
  })
  return [
    ...cumulated,
    { metricName: `${DURATIONS.name}_bucket`, labels: { le: '+Inf' }, sharedLabels, value: count },
    { metricName: `${DURATIONS.name}_sum`, labels: {}, sharedLabels, value: sumSeconds },
    { metricName: `${DURATIONS.name}_count`, labels: {}, sharedLabels, value: count },
  ]
}
