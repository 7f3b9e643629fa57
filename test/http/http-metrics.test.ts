import { AggregatorRegistry, Registry } from 'prom-client'
import * as assert from 'uvu/assert'
import { HttpMetrics } from '../../src/http/http-metrics.ts'
import { suite } from '../support/suite.ts'

const metrics = suite('HTTP metrics')

function recorded(): Registry {
  const registry = new Registry()
  const meter = new HttpMetrics(registry).meter('/v1/reservations', 'POST')
  meter.record(201, 0.4)
  meter.record(201, 3)
  meter.record(409, 60_000)
  return registry
}

metrics('requests are counted by route, method and status', async () => {
  const text = await recorded().metrics()
  assert.match(text, /# TYPE holdfast_http_requests_total counter/)
  assert.match(text, 'holdfast_http_requests_total{route="/v1/reservations",method="POST",status="201"} 2\n')
  assert.match(text, 'holdfast_http_requests_total{route="/v1/reservations",method="POST",status="409"} 1\n')
})

metrics('durations are a histogram whose buckets add up', async () => {
  const text = await recorded().metrics()
  const labels = 'route="/v1/reservations",method="POST",status="201"'
  const name = 'holdfast_http_request_duration_seconds'
  assert.match(text, new RegExp(`# TYPE ${name} histogram`))
  const bucket = (le: string) =>
    Number(
      text
        .split('\n')
        .find((row) => row.startsWith(`${name}_bucket{le="${le}",${labels}`))
        ?.split(' ')[1],
    )
  assert.is(bucket('0.0005'), 1)
  assert.is(bucket('0.0025'), 1)
  assert.is(bucket('0.005'), 2)
  assert.is(bucket('+Inf'), 2)
  assert.match(text, `${name}_count{${labels}} 2`)
  assert.match(text, `${name}_sum{${labels}} 0.0034`)
  const slow = `${name}_bucket{le="10",route="/v1/reservations",method="POST",status="409"} 0`
  assert.match(text, slow)
})

metrics('scraping twice counts nothing twice', async () => {
  const registry = recorded()
  assert.is(await registry.metrics(), await registry.metrics())
})

metrics('several listeners’ metrics can be summed', async () => {
  const each = await Promise.all([recorded(), recorded()].map((registry) => registry.getMetricsAsJSON()))
  const text = await AggregatorRegistry.aggregate(each).metrics()
  assert.match(text, 'holdfast_http_requests_total{route="/v1/reservations",method="POST",status="201"} 4\n')
  assert.match(
    text,
    /holdfast_http_request_duration_seconds_count\{route="\/v1\/reservations",method="POST",status="201"\} 4/,
  )
})

metrics.run()
