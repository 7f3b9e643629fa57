/** What workers say of themselves, as Prometheus metrics. Made anew for each scrape: the numbers live in the workers. */
import { Counter, Gauge, Registry } from 'prom-client'
import type { WorkerStatus } from '../actors/protocol.ts'
import type { WorkerReadiness } from '../actors/switchboard.ts'

export function engineRegistry(
  statuses: readonly WorkerStatus[],
  readiness: readonly WorkerReadiness[],
): Registry {
  const registry = new Registry()
  const registers = [registry]
  const gauge = (name: string, help: string, labelNames: string[]) =>
    new Gauge({ name, help, labelNames, registers })
  const counter = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers })

  const ready = gauge('holdfast_worker_ready', 'Whether the worker serves its shards.', ['worker'])
  for (const { worker, state } of readiness) ready.set({ worker }, state.type === 'ready' ? 1 : 0)

  const products = gauge('holdfast_products', 'Products with stock.', ['shard'])
  const reservations = gauge('holdfast_reservations', 'Reservations in memory, live and ended.', ['shard'])
  const outcomes = counter('holdfast_commands_total', 'Commands decided since the worker started.', [
    'outcome',
  ])
  const refusals = counter('holdfast_refusals_total', 'Commands refused by the rules, by reason.', ['reason'])
  const mailbox = gauge('holdfast_mailbox_depth', 'Commands waiting for their turn.', ['worker'])
  const shed = counter(
    'holdfast_commands_shed_total',
    'Commands refused undecided, for want of time or room.',
    ['worker'],
  )
  const records = gauge('holdfast_memory_records_bytes', 'What records are reckoned to take of the heap.', [
    'worker',
  ])
  const recordsMax = gauge('holdfast_memory_records_max_bytes', 'The most that records may take of it.', [
    'worker',
  ])
  const refusedForMemory = counter(
    'holdfast_memory_refusals_total',
    'Commands refused undecided, for want of memory for another record.',
    ['worker'],
  )
  const skew = gauge('holdfast_clock_skew_seconds', 'Wall clock less shard time.', ['worker'])
  const epoch = gauge('holdfast_journal_epoch', 'Number of the ownership.', ['worker'])
  const frames = counter('holdfast_journal_frames_total', 'Frames written.', ['worker'])
  const events = counter('holdfast_journal_events_total', 'Events written.', ['worker'])
  const bytes = counter('holdfast_journal_bytes_total', 'Bytes of frames written.', ['worker'])
  const syncs = counter('holdfast_journal_syncs_total', 'Times the journal was made durable.', ['worker'])
  const room = gauge('holdfast_journal_next_segment_ready', 'Whether there is room to go on.', ['worker'])

  for (const { worker, shards, journal, ...rest } of statuses) {
    mailbox.set({ worker }, rest.mailbox)
    shed.inc({ worker }, rest.shed)
    records.set({ worker }, rest.memory.usedBytes)
    recordsMax.set({ worker }, rest.memory.maxBytes)
    refusedForMemory.inc({ worker }, rest.memory.refused)
    skew.set({ worker }, rest.clockSkewMs / 1_000)
    epoch.set({ worker }, journal.epoch)
    frames.inc({ worker }, journal.frames)
    events.inc({ worker }, journal.events)
    bytes.inc({ worker }, journal.bytes)
    syncs.inc({ worker }, journal.syncs)
    room.set({ worker }, journal.hasNextSegment ? 1 : 0)
    for (const { shard, counters, ...sizes } of shards) {
      products.set({ shard }, sizes.products)
      reservations.set({ shard }, sizes.reservations)
      const { refused, ...accepted } = counters
      for (const [outcome, count] of Object.entries(accepted)) outcomes.inc({ outcome }, count)
      for (const [reason, count] of refused) refusals.inc({ reason }, count)
    }
  }
  return registry
}
