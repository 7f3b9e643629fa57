/**
 * What `GET /readyz` says: which parts are ready, and whether this instance should be sent requests.
 *
 * A journal without room is a part that is not ready, and no reason to send nobody here any more: reads go on, mostly
 * also confirm, release and return, and no other instance could answer them (docs/decisions/beyond-the-contract.md).
 */
import type { WorkerState } from '../actors/protocol.ts'
import type { RelayTrouble } from '../events/relay.ts'
import type { Room } from '../persistence/journal/frame-log.ts'
import type { Readiness } from './parts.ts'

type Part = Readiness['parts'][number]
export type About = {
  readonly isClosing: boolean
  /** Rows and places of the tables. */
  readonly damaged?: number
  /** Where something was restored from a backup and is not reconciled: payments that somebody has to decide about. */
  readonly undecided?: number | undefined
  /** Where other systems are told of events: what keeps them from it. */
  readonly events?: { readonly trouble: RelayTrouble | undefined }
  /** Whether other nodes serve what this one does not. */
  readonly isShared?: boolean
}
type Worker = { readonly worker: number; readonly state: WorkerState }

const WITHOUT_ROOM: Readonly<Record<Exclude<Room, 'all'>, string>> = {
  settlements: 'no room for new reservations; what there is can still be confirmed, released and returned',
  none: 'no room for any change; reads go on',
}

const UNTOLD: Readonly<Record<RelayTrouble, string>> = {
  broker: 'the broker does not take them; they wait in the journal and the tables',
  journal: 'the journal cannot be read there; the log says why',
  tables: 'the tables cannot be read; those of the journal wait with them',
}

/** `damaged` rows of the tables are known; the others are as good as ever, so that is no reason to send nobody here either. */
export function readinessOf(workers: readonly Worker[], about: About): Readiness {
  const { isClosing, damaged = 0, undecided, isShared = false, events } = about
  const listener: Part = isClosing
    ? { name: 'listener', ready: false, reason: 'shutting down' }
    : { name: 'listener', ready: true }
  return {
    ready: !isClosing && (isShared ? reachesEnough(workers) : workers.every(isReady)),
    parts: [
      ...workers.flatMap(partsOf),
      ...tablesOf(damaged),
      ...salesOf(undecided),
      ...eventsOf(events),
      listener,
    ],
  }
}

/**
 * Among several nodes a shard that moves, or whose Redis is away, is so at all of them, and none should be left out for it.
 * Who reaches fewer than half of them is cut off from the others.
 */
function reachesEnough(workers: readonly Worker[]): boolean {
  return workers.filter(isReady).length * 2 >= workers.length
}

function isReady({ state }: Worker): boolean {
  return state.type === 'ready'
}

function partsOf({ worker, state }: Worker): readonly Part[] {
  const name = `worker-${worker}`
  if (state.type !== 'ready') {
    return [{ name, ready: false, reason: state.type === 'starting' ? 'recovering' : state.why }]
  }
  return [{ name, ready: true }, journalOf(worker, state.room)]
}

/** Named only where there is something to say: whether they answer at all, each request finds out. */
function tablesOf(damaged: number): readonly Part[] {
  if (damaged === 0) return []
  const reason = `${damaged} damaged rows or places; the log names them, and so does "npm run tables -- verify"`
  return [{ name: 'tables', ready: false, reason }]
}

/** The same: what is held and ordered is settled here as anywhere. */
function salesOf(undecided: number | undefined): readonly Part[] {
  if (undecided === undefined) return []
  const payments =
    undecided === 0 ? 'it is being reconciled' : `${undecided} payments are to be decided about`
  const reason = `restored from a backup, so nothing is sold: ${payments}; "npm run reconcile -- status" says more`
  return [{ name: 'sales', ready: false, reason }]
}

/** Nobody who calls misses them, so that is no reason to send nobody here. */
function eventsOf(events: About['events']): readonly Part[] {
  if (events === undefined) return []
  const { trouble } = events
  return trouble === undefined
    ? [{ name: 'events', ready: true }]
    : [{ name: 'events', ready: false, reason: UNTOLD[trouble] }]
}

function journalOf(worker: number, room: Room): Part {
  const name = `journal-${worker}`
  return room === 'all' ? { name, ready: true } : { name, ready: false, reason: WITHOUT_ROOM[room] }
}
