/** How full the tables of limits are. Made anew for each scrape: all listeners share them, so main tells of them once. */
import { Gauge, Registry } from 'prom-client'
import type { SharedCooldowns } from './cooldowns.ts'
import type { SharedRateLimits } from './rate-limits.ts'

export function limitsRegistry(rateLimits: SharedRateLimits, cooldowns: SharedCooldowns): Registry {
  const registry = new Registry()
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name, help, labelNames, registers: [registry] })

  const inUse = gauge(
    'holdfast_rate_identities',
    'Customers, addresses, keys or accounts that have used something of their limit.',
    ['policy'],
  )
  const max = gauge('holdfast_rate_identities_max', 'The most of them that are told apart.', ['policy'])
  for (const size of rateLimits.sizes()) {
    inUse.set({ policy: size.policy }, size.inUse)
    max.set({ policy: size.policy }, size.max)
  }
  const { known, coolingDown, max: knownMax } = cooldowns.sizes()
  gauge('holdfast_cooldowns', 'Customers who may not reserve for a while: too much has expired.').set(
    coolingDown,
  )
  gauge('holdfast_expiry_customers', 'Customers of whom something has expired within the last hour.').set(
    known,
  )
  gauge('holdfast_expiry_customers_max', 'The most of them that are remembered.').set(knownMax)
  return registry
}
