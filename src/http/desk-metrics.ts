/** What the desk says of itself and of orders, as Prometheus metrics. Made anew for each scrape: the numbers live elsewhere. */
import { Counter, Gauge, Registry } from 'prom-client'
import type { DeskStatus } from '../shop/desk/desk-protocol.ts'

/** `status` is absent where the thread did not answer. */
export function deskRegistry(status: DeskStatus | undefined, restarts: number): Registry {
  const registry = new Registry()
  const registers = [registry]
  const gauge = (name: string, help: string, value: number) => new Gauge({ name, help, registers }).set(value)
  const counter = (name: string, help: string, value: number) =>
    new Counter({ name, help, registers }).inc(value)

  counter('holdfast_desk_restarts_total', 'Times the desk’s thread was replaced.', restarts)
  if (status === undefined) return registry
  const { sweeper, backlog, lateMs } = status
  counter('holdfast_orders_driven_total', 'Orders looked at since the thread started.', sweeper.driven)
  counter('holdfast_orders_put_off_total', 'Looks at orders that some part did not answer.', sweeper.putOff)
  counter(
    'holdfast_orders_failed_total',
    'Looks at orders that met with a fault of this program.',
    sweeper.failed,
  )
  gauge('holdfast_orders_under_way', 'Orders that have something left to do.', backlog.underWay)
  gauge('holdfast_orders_due', 'Orders that should have been looked at by now.', backlog.due)
  gauge('holdfast_orders_late_seconds', 'How long the first of these has waited.', lateMs / 1_000)
  gauge('holdfast_refunds_open', 'Refunds that their provider has yet to carry out.', backlog.refundsOpen)
  gauge(
    'holdfast_refunds_failed',
    'Refunds that their provider refused: somebody must look.',
    backlog.refundsFailed,
  )
  return registry
}
