/** Whether a restored backup keeps this node from selling. Made anew for each scrape: main tells of it once, for all listeners. */
import { Gauge, Registry } from 'prom-client'
import type { RestorationBoard } from '../shop/restoration/restoration-board.ts'

export function restorationRegistry({ isOpen, undecided }: RestorationBoard): Registry {
  const registry = new Registry()
  const registers = [registry]
  new Gauge({
    name: 'holdfast_restoration_open',
    help: '1 while nothing is sold because a restored backup is not reconciled.',
    registers,
  }).set(isOpen ? 1 : 0)
  new Gauge({
    name: 'holdfast_unknown_payments',
    help: 'Payments since the backup about which somebody has to decide.',
    registers,
  }).set(undecided)
  return registry
}
