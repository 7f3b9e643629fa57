/**
 * The tables from one database to another, by the order of their keys.
 *
 * V1  The source is marked before the first row is copied, and the target until the last was compared: nothing starts on
 *     either of them, whatever interrupts this.
 * V2  Rows and how far that brings their table are one transaction: the same command goes on behind them.
 */
import { createHash } from 'node:crypto'
import { drawToken } from '../../../cluster/draw-token.ts'
import { crashPoint } from '../../../crash-points.ts'
import { checkPast } from '../../../persistence/tables/migrations.ts'
import type { TablesMark } from '../../../persistence/tables/moved-mark.ts'
import { schema } from '../../../persistence/tables/schema.ts'
import { realRandom } from '../../../seams.ts'
import { Unusable } from '../../exit-codes.ts'
import { countText, type Terminal, table } from '../../terminal.ts'
import { beginStep, type Step } from '../steps.ts'
import { keyOfRow, type TableRow, type TableShape } from './table-shape.ts'
import { batchRows, type TableStore } from './table-store.ts'

export type TablesMoveParts = {
  readonly source: TableStore
  readonly target: TableStore
  readonly shapes: readonly TableShape[]
  readonly out: Terminal
}

/** What the schema puts into them itself. */
const SEEDED: Readonly<Record<string, number>> = { shop: 1, counters: 1 }

type TableHash = { readonly rows: number; readonly hash: string }

/** Resolves when servers can start on the target. Rejects with `Unusable`, and where a row of the source is damaged. */
export async function moveTables(parts: TablesMoveParts): Promise<void> {
  const { source, target, shapes, out } = parts
  await expectSchema(source)
  const move = await beginMove(parts)
  let total = 0
  for (const shape of shapes) total += await source.count(shape)
  const copying = beginStep(out, 'copied', total, 'rows')
  for (const shape of shapes) await copyTable(parts, shape, copying)
  copying.done()
  const comparing = beginStep(out, 'compared', 2 * total, 'rows')
  const hashes: [string, TableHash][] = []
  for (const shape of shapes) {
    const [was, is] = [await hashOf(source, shape, comparing), await hashOf(target, shape, comparing)]
    if (was.rows !== is.rows || was.hash !== is.hash)
      throw new Unusable(
        `Table ${shape.name} has ${countText(was.rows)} rows (${was.hash}) in the source and ${countText(is.rows)} (${is.hash}) in the target: somebody has written to one of them.`,
      )
    hashes.push([shape.name, was])
  }
  comparing.done()
  crashPoint('move.beforeTablesLeft')
  await source.setMark({
    state: 'left',
    move,
    why: `these tables were moved to ${target.place}, and may have gone on there. "npm run move -- --reopen tables" says what starting here all the same means`,
  })
  crashPoint('move.beforeTablesDone')
  await target.finish()
  const rows = hashes.map(([name, { rows: count, hash }]) => [name, count, hash])
  for (const line of table([['table', 'rows', 'SHA-256'], ...rows])) out.line(line)
  out.line(
    `Moved: the tables of ${source.place} to ${target.place}. What was moved stays as it is, and no server starts on it.`,
  )
}

/** Throws `Unusable` unless it has all steps of this version. */
async function expectSchema(source: TableStore): Promise<void> {
  const applied = await source.applied()
  checkPast(applied, schema)
  if (applied.length < schema.length)
    throw new Unusable(
      `The tables of ${source.place} have ${applied.length} of the ${schema.length} steps of this version's schema: start it there once, and stop it.`,
    )
}

/** Marks both, or finds them marked; answers the move's name. Throws `Unusable` where they are of different moves. */
async function beginMove({ source, target, shapes }: TablesMoveParts): Promise<string> {
  const [from, to] = [await source.mark(), await target.mark()]
  if (from?.state === 'arriving')
    throw new Unusable(`The tables of ${source.place} have not arrived whole themselves.`)
  if (from?.state === 'left' && to === undefined)
    throw new Unusable(`The tables of ${source.place} were moved before: ${from.why}.`)
  if (to !== undefined && (to.state !== 'arriving' || to.move !== from?.move))
    throw new Unusable(`The tables of ${target.place} take part in another move: ${to.why}.`)
  const move = from?.move ?? drawToken(realRandom())
  const mark = (state: TablesMark['state'], why: string) => ({ state, move, why })
  if (to === undefined) {
    for (const shape of shapes)
      if ((await target.count(shape)) > (SEEDED[shape.name] ?? 0))
        throw new Unusable(`The tables of ${target.place} are not empty: table ${shape.name} has rows.`)
  }
  if (from === undefined)
    await source.setMark(
      mark(
        'leaving',
        `these tables are being moved to ${target.place}: run "npm run move -- --tables" again, and it goes on. "npm run move -- --reopen tables" gives it up`,
      ),
    )
  if (to === undefined) {
    await target.setMark(
      mark(
        'arriving',
        `these tables are being filled from ${source.place}, and are not whole: run "npm run move -- --tables" again, and it goes on`,
      ),
    )
  }
  return move
}

async function copyTable({ source, target }: TablesMoveParts, shape: TableShape, step: Step): Promise<void> {
  let { rows, lastKey } = await target.arrived(shape)
  step.advance(rows)
  if (lastKey === undefined && shape.name in SEEDED) await target.clear(shape)
  for (;;) {
    const batch = await source.after(shape, lastKey, batchRows)
    if (batch.length === 0) return
    rows += batch.length
    lastKey = keyOfRow(shape, batch.at(-1) as TableRow)
    await target.insert(shape, batch, { rows, lastKey })
    step.advance(batch.length)
    crashPoint('move.midTables')
  }
}

async function hashOf(store: TableStore, shape: TableShape, step: Step): Promise<TableHash> {
  const hash = createHash('sha256')
  let rows = 0
  let lastKey: TableRow | undefined
  for (;;) {
    const batch = await store.after(shape, lastKey, batchRows)
    if (batch.length === 0) return { rows, hash: hash.digest('hex') }
    for (const row of batch) hash.update(`${JSON.stringify(row.map(plain))}\n`)
    rows += batch.length
    lastKey = keyOfRow(shape, batch.at(-1) as TableRow)
    step.advance(batch.length)
  }
}

/** The same text for the same value, whichever database gave it. */
function plain(value: TableRow[number]): unknown {
  return value instanceof Uint8Array ? { bytes: Buffer.from(value).toString('base64') } : value
}
