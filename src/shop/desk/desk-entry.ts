/**
 * The desk: the thread in which the shop does what nobody waits for. It drives orders that were left half-way, and carries
 * what leaves the shop. It ends after `closed`, or by an error, and is then replaced; it keeps nothing of its own.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { Engine } from '../../actors/engine.ts'
import { SplitCoordinator } from '../../actors/split-coordinator.ts'
import { armCrashPoint } from '../../crash-points.ts'
import { assert } from '../../domain/assert.ts'
import type { FromKept, ToKept } from '../../kept-thread.ts'
import { deskNiceness } from '../../limits.ts'
import { openLog } from '../../log.ts'
import { DamageBoard } from '../../persistence/tables/seals/damage-board.ts'
import { TablesClient } from '../../persistence/tables/tables-client.ts'
import { TablesReader } from '../../persistence/tables/tables-reader.ts'
import { portOf, realClock, realRandom, realTimers, yieldToOthers } from '../../seams.ts'
import { Sweeper } from '../orders/sweeper.ts'
import { Outgoing } from '../outgoing.ts'
import { chargeTimeoutOf, openGateway } from '../payments/open-gateway.ts'
import { SandboxCourier } from '../payments/sandbox-courier.ts'
import { RestorationBoard } from '../restoration/restoration-board.ts'
import { RestorationKeeper } from '../restoration/restoration-keeper.ts'
import type { DeskData, DeskStatus } from './desk-protocol.ts'
import { postTo } from './post-webhook.ts'
import { Scrubber } from './scrubber.ts'

assert(parentPort !== null, 'this file is run as a worker thread')
const data = workerData as DeskData
armCrashPoint(data.crashPoint)
yieldToOthers(deskNiceness)
const log = openLog({ level: data.logLevel })
process.on('exit', () => log.flush())
const { logger } = log
const main = portOf<ToKept, FromKept<DeskStatus>>(parentPort)
const seams = { clock: realClock, timers: realTimers, random: realRandom() }

const { shards, workers, tablesPath } = data
const engine = new Engine({ ...seams, control: portOf(data.ends.engine), portOf, shards, workers })
const tables = new TablesClient({
  timers: realTimers,
  onNotice: (notice) => {
    if (notice.type === 'outbox' || notice.type === 'missed') outgoing.wake()
    if (notice.type === 'restorationChanged' || notice.type === 'missed') restoration.wake()
  },
  ...(tablesPath === undefined ? {} : { reader: new TablesReader(tablesPath) }),
})
const splits = new SplitCoordinator(engine, { ...seams, shards })
const { payments } = data
const chargeTimeoutMs = chargeTimeoutOf(payments)
const gateway = await openGateway(payments, { tables, clock: realClock, log: logger })
const sweeper = new Sweeper({
  engine,
  splits,
  tables,
  gateway,
  chargeTimeoutMs,
  ...seams,
  log: logger,
  isOneOfSeveral: tablesPath === undefined,
})
const courier =
  payments.gateway === 'sandbox'
    ? new SandboxCourier({
        tables,
        ...seams,
        delays: payments.delays,
        post: postTo(`${data.origin}/v1/payments/webhooks/sandbox`),
        onTrouble: (error) => logger.warn({ err: error }, 'sandbox.trouble'),
      })
    : undefined
const outgoing = new Outgoing({
  tables,
  ...seams,
  config: data.outgoing,
  mailDirectory: data.mailDirectory,
  log: logger,
})
const restoration = new RestorationKeeper({
  engine,
  splits,
  tables,
  gateway,
  chargeTimeoutMs,
  ...seams,
  board: new RestorationBoard(data.restoration),
  log: logger,
})
// A server of its own looks after its own pages.
const scrubber =
  tablesPath === undefined
    ? undefined
    : new Scrubber({
        path: tablesPath,
        board: new DamageBoard(data.damage),
        clock: realClock,
        timers: realTimers,
        log: logger,
      })
tables.connect(portOf(data.ends.tables))
sweeper.start()
courier?.start()
outgoing.start()
restoration.start()
scrubber?.start()

main.receive((message) => {
  if (message.type === 'status') {
    void tellStatus(message.id)
    return
  }
  courier?.stop()
  outgoing.stop()
  restoration.stop()
  scrubber?.stop()
  void sweeper.stop().then(() => {
    engine.close()
    tables.close()
    main.send({ type: 'closed' })
    main.close()
  })
})

/** Whoever asks has no answer in time where the tables have none. */
async function tellStatus(id: number): Promise<void> {
  const nowMs = realClock.wallMs()
  const backlog = await tables.read('orders.backlog', { nowMs }).catch(() => undefined)
  if (backlog === undefined) return
  const lateMs = backlog.dueSinceMs === null ? 0 : Math.max(0, nowMs - backlog.dueSinceMs)
  main.send({ type: 'status', id, status: { sweeper: sweeper.counters, backlog, lateMs } })
}
