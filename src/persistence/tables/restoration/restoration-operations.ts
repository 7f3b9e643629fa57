/**
 * The mark of tables or a journal that came from a backup. While a restoration is open nothing new is sold, at any node that
 * shares these tables; it is lifted once nothing is left that a payment provider knows and these tables do not.
 */
import { drawId } from '../draw-id.ts'
import { type Moment, read, write } from '../operation.ts'
import { alone, change, glance, type Query, row } from '../query.ts'
import { countUndecided } from './unknown-payment-operations.ts'

export type RestorationCause =
  /** Somebody said so. */
  | 'restored'
  /** The provider's list told. */
  | 'noticed'

export type Restoration = {
  readonly restorationId: string
  readonly cause: RestorationCause
  /** Of the newest that the tables knew when they were marked, and the journal. */
  readonly tablesAtMs: number
  readonly journalAtMs: number
  /** Whether the shop's id was lost too. */
  readonly takesAny: 0 | 1
  readonly markedAtMs: number
  /** When the provider's list had been gone through the last time. */
  readonly comparedAtMs: number | null
  readonly liftedAtMs: number | null
  readonly liftedBy: string | null
  readonly reason: string | null
}

export type RestorationReply = { readonly type: 'restoration'; readonly restoration: Restoration }
export type LiftRefused =
  | { readonly type: 'refused'; readonly reason: 'nothing-restored' }
  | { readonly type: 'refused'; readonly reason: 'restored-meanwhile' }
  /** So many payments are unknown, and nobody has decided what becomes of them. */
  | { readonly type: 'refused'; readonly reason: 'payments-undecided'; readonly undecided: number }

type Mark = Pick<Restoration, 'cause' | 'tablesAtMs' | 'journalAtMs'> & { readonly takesAny: boolean }
type Lift = {
  readonly restorationId: string
  readonly by: string
  readonly reason: string
  /** As it was when the list was begun: where something older was restored since, that has still to be compared. */
  readonly asOf?: Pick<Restoration, 'tablesAtMs' | 'journalAtMs' | 'takesAny'>
}
type Of = { readonly restorationId: string }
type Nothing = Record<never, never>

export const restorationOperations = {
  /** The id that this shop's payments carry, and when it was drawn. */
  'shop.identity': read((_: Nothing) => identity()),
  /** When the newest happened that these tables know. */
  'shop.newest': read((_: Nothing) => newest()),
  'restorations.open': read((_: Nothing) => findOpen()),
  /** The newest one, whether it is open or was lifted. */
  'restorations.last': read((_: Nothing) => findLast()),
  'restorations.mark': write((args: Mark, moment) => mark(args, moment)),
  /** The provider's list was gone through to its end. */
  'restorations.compared': write((args: Of, moment) => compared(args, moment)),
  'restorations.lift': write((args: Lift, moment) => lift(args, moment)),
}

const COLUMNS = `id AS "restorationId", cause, tables_at_ms AS "tablesAtMs", journal_at_ms AS "journalAtMs",
  takes_any AS "takesAny", marked_at_ms AS "markedAtMs", compared_at_ms AS "comparedAtMs",
  lifted_at_ms AS "liftedAtMs", lifted_by AS "liftedBy", reason`

export type ShopIdentity = { readonly shopId: string; readonly drawnAtMs: number }

function* identity(): Query<ShopIdentity> {
  const sql = 'SELECT id AS "shopId", drawn_at_ms AS "drawnAtMs" FROM shop WHERE number = 1'
  return (yield* row<ShopIdentity>(sql)) as ShopIdentity
}

/**
 * By the newest order and the newest attempt, whose ids are times: of a large shop nothing else is looked at. What happened to
 * older ones may be later, and is then compared in vain. `payments` is what a provider was asked for.
 */
function* newest(): Query<{ readonly atMs: number; readonly payments: number }> {
  const [order] = yield* glance<{ readonly atMs: number }>(
    'SELECT updated_at_ms AS "atMs" FROM orders ORDER BY id DESC LIMIT 1',
  )
  const [attempt] = yield* glance<{ readonly atMs: number }>(
    'SELECT started_at_ms AS "atMs" FROM payment_attempts ORDER BY key DESC LIMIT 1',
  )
  const payments = attempt?.atMs ?? 0
  return { atMs: Math.max(order?.atMs ?? 0, payments), payments }
}

function findOpen(): Query<Restoration | undefined> {
  return row<Restoration>(`SELECT ${COLUMNS} FROM restorations WHERE lifted_at_ms IS NULL`)
}

function findLast(): Query<Restoration | undefined> {
  return row<Restoration>(
    `SELECT ${COLUMNS} FROM restorations ORDER BY CASE WHEN lifted_at_ms IS NULL THEN 1 ELSE 0 END DESC, id DESC LIMIT 1`,
  )
}

/** Where one is open already, what was restored may be older still: then it goes back as far. */
function* mark(args: Mark, moment: Moment): Query<RestorationReply> {
  yield* alone('restoration')
  const { cause, tablesAtMs, journalAtMs, takesAny } = args
  const isNew = yield* change(
    `INSERT INTO restorations (id, cause, tables_at_ms, journal_at_ms, takes_any, marked_at_ms)
     VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    drawId('rst', moment),
    cause,
    tablesAtMs,
    journalAtMs,
    takesAny ? 1 : 0,
    moment.nowMs,
  )
  if (isNew === 0) {
    yield* change(
      `UPDATE restorations
          SET tables_at_ms = CASE WHEN ? < tables_at_ms THEN ? ELSE tables_at_ms END,
              journal_at_ms = CASE WHEN ? < journal_at_ms THEN ? ELSE journal_at_ms END,
              takes_any = CASE WHEN ? = 1 THEN 1 ELSE takes_any END
        WHERE lifted_at_ms IS NULL`,
      tablesAtMs,
      tablesAtMs,
      journalAtMs,
      journalAtMs,
      takesAny ? 1 : 0,
    )
  }
  moment.notify({ type: 'restorationChanged' })
  return { type: 'restoration', restoration: (yield* findOpen()) as Restoration }
}

function* compared({ restorationId }: Of, { nowMs }: Moment): Query<{ readonly type: 'compared' }> {
  yield* change('UPDATE restorations SET compared_at_ms = ? WHERE id = ?', nowMs, restorationId)
  return { type: 'compared' }
}

function* lift(
  { restorationId, by, reason, asOf }: Lift,
  moment: Moment,
): Query<RestorationReply | LiftRefused> {
  yield* alone('restoration')
  const open = yield* findOpen()
  if (open?.restorationId !== restorationId) return { type: 'refused', reason: 'nothing-restored' }
  if (asOf !== undefined && !isSame(open, asOf)) return { type: 'refused', reason: 'restored-meanwhile' }
  const undecided = yield* countUndecided(restorationId)
  if (undecided > 0) return { type: 'refused', reason: 'payments-undecided', undecided }
  yield* change(
    'UPDATE restorations SET lifted_at_ms = ?, lifted_by = ?, reason = ? WHERE id = ?',
    moment.nowMs,
    by,
    reason,
    restorationId,
  )
  moment.notify({ type: 'restorationChanged' })
  const sql = `SELECT ${COLUMNS} FROM restorations WHERE id = ?`
  return { type: 'restoration', restoration: (yield* row<Restoration>(sql, restorationId)) as Restoration }
}

type Times = NonNullable<Lift['asOf']>

function isSame(a: Times, b: Times): boolean {
  return a.tablesAtMs === b.tablesAtMs && a.journalAtMs === b.journalAtMs && a.takesAny === b.takesAny
}
