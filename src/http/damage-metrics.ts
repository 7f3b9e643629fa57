/** What is known of damage in the tables. Made anew for each scrape: main tells of it once, for all listeners. */
import { Counter, Gauge, Registry } from 'prom-client'
import type { DamageBoard } from '../persistence/tables/seals/damage-board.ts'

export function damageRegistry({ damaged, walks }: DamageBoard): Registry {
  const registry = new Registry()
  const registers = [registry]
  new Gauge({
    name: 'holdfast_tables_damaged_rows',
    help: 'Rows of the tables that are not what was written, and places that cannot be read, as of the last walk.',
    registers,
  }).set(damaged)
  new Counter({
    name: 'holdfast_tables_scrubs_total',
    help: 'Walks through all of the tables that came to their end.',
    registers,
  }).inc(walks)
  return registry
}
