/** What the connections to PostgreSQL are at. Made anew for each scrape, and empty where the tables are a file. */
import { Counter, Gauge, Registry } from 'prom-client'
import type { PoolBoard, PoolCell } from '../persistence/tables/postgres/pool-board.ts'

const GAUGES: readonly (readonly [name: string, cell: PoolCell, help: string])[] = [
  ['holdfast_tables_connections', 'size', 'Connections to PostgreSQL.'],
  ['holdfast_tables_connections_in_use', 'inUse', 'Those that an operation has now.'],
  ['holdfast_tables_waiting', 'waiting', 'Operations that wait for a connection.'],
  ['holdfast_tables_listening', 'isListening', '1 while changes of other nodes are heard of.'],
]
const COUNTERS: readonly (readonly [name: string, cell: PoolCell, help: string])[] = [
  ['holdfast_tables_waits_total', 'waits', 'Operations that asked for a connection.'],
  ['holdfast_tables_retries_total', 'retries', 'Operations begun anew because of another one.'],
  ['holdfast_tables_lost_total', 'lost', 'Operations that found PostgreSQL away.'],
]

export function tablesRegistry(board: PoolBoard, isOnServer: boolean): Registry {
  const registry = new Registry()
  if (!isOnServer) return registry
  const registers = [registry]
  for (const [name, cell, help] of GAUGES) new Gauge({ name, help, registers }).set(board.get(cell))
  for (const [name, cell, help] of COUNTERS) new Counter({ name, help, registers }).inc(board.get(cell))
  const name = 'holdfast_tables_wait_seconds_total'
  const help = 'Seconds that operations have waited for a connection, all together.'
  new Counter({ name, help, registers }).inc(board.get('waitedMs') / 1_000)
  return registry
}
