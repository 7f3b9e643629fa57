/** `journal stock`: what a product's stock was at any time that the journal knows. */
import { evolve } from '../domain/evolve.ts'
import { type ProductId, type ShardId, shardOf } from '../domain/ids.ts'
import { availableOf, type StockView } from '../domain/stock.ts'
import { timeText } from '../persistence/journal/event-fields.ts'
import { realClock } from '../seams.ts'
import { archivedElsewhere, archiveHelp, withArchives } from './archive-view.ts'
import type { Command } from './command-line.ts'
import { isDamage, reportDamage } from './damage-report.ts'
import { readEvents } from './event-reader.ts'
import { exitCodes, Unusable } from './exit-codes.ts'
import type { JournalFiles } from './journal-files.ts'
import { didYouMean } from './nearest.ts'
import { type Point, pointOf, pointText } from './points.ts'
import { repairsName } from './repairs-record.ts'
import { baseOf, productsIn, shardsOf } from './shard-base.ts'
import { countText, quoted } from './terminal.ts'

export type StockAt = {
  readonly productId: ProductId
  readonly available: number
  readonly onHand: number
  readonly held: number
  /** Free, and put aside for the first of those who wait. */
  readonly earmarked: number
  readonly sold: number
  readonly version: number
  readonly retired: boolean
  /** The last event of the product's shard that counts, and its time. */
  readonly shard: ShardId
  readonly sequence: number
  readonly asOf: string
}

export const stock: Command = {
  name: 'stock',
  argument: '<product>',
  summary: "Says what a product's stock was after the last event at or before a time or a sequence.",
  help: `
  --at WHEN       a time (2026-11-27T08:00:00Z), or a sequence of the product's shard (1042, s3.1042); default: now
${archiveHelp}

Counted from the journal alone: from the newest snapshot before that place, and the durable events behind it.

Exit code 0: said. 1: the journal is damaged. 3: there is no such product, the time is to come, or what would have to be
read is archived and not named with --archive.`,
  example: 'stock phone --at 2026-11-27T08:00:00Z',
  options: ['at', 'archive'],
  run(files, { argument, at, archive, json }, terminal) {
    const point = at === undefined ? undefined : pointOf('--at', at)
    const view = withArchives(files, archive)
    try {
      const found = stockAt(view, argument as ProductId, point)
      if (json) terminal.line(JSON.stringify({ command: 'stock', exitCode: exitCodes.good, ...found }))
      else for (const line of describe(found)) terminal.line(line)
      return exitCodes.good
    } catch (error) {
      if (!isDamage(error)) throw error
      return reportDamage(view, error, { command: 'stock', json, terminal })
    }
  },
}

/** Throws `Unusable` where there is nothing to say, and `JournalDamaged`. */
export function stockAt(files: JournalFiles, productId: ProductId, at: Point | undefined): StockAt {
  const shard = shardOf(productId, shardsOf(files))
  checkPoint(at, { productId, shard })
  const base = baseOf(files, shard, ({ sequence, timeMs }) => {
    if (at === undefined) return true
    return at.type === 'time' ? timeMs <= at.atMs : sequence <= at.sequence
  })
  let { sequence, atMs } = base
  const isReached = () => at?.type === 'sequence' && at.sequence === sequence
  if (!isReached()) {
    for (const next of readEvents(files, { shard, from: new Map([[shard, base.sequence + 1]]) })) {
      // Behind a gap nothing can be counted from what comes before it.
      if (next.sequence !== sequence + 1) throw notHere(files, productId, at)
      if (at?.type === 'time' && next.atMs > at.atMs) break
      evolve(base.state, next.event, next.atMs)
      ;({ sequence, atMs } = next)
      if (isReached()) break
    }
  }
  if (at?.type === 'sequence' && sequence < at.sequence)
    throw new Unusable(
      `--at ${pointText(at)}: shard ${shard} has come to sequence ${sequence}, and no further.`,
    )
  const found = base.state.products.get(productId)
  if (found === undefined) throw unknownProduct(files, productId, at)
  return { ...countersOf(found), shard, sequence, asOf: timeText(atMs) }
}

function notHere(files: JournalFiles, productId: ProductId, at: Point | undefined): Unusable {
  const when = at === undefined ? 'at any time' : `at ${pointText(at)}`
  const where =
    archivedElsewhere(files) ?? `A repair gave it up: ${repairsName} in the journal's directory says when`
  return new Unusable(`What ${quoted(productId)} had ${when} is not in this journal any more. ${where}.`)
}

function checkPoint(
  at: Point | undefined,
  of: { readonly productId: ProductId; readonly shard: ShardId },
): void {
  if (at?.type === 'time' && at.atMs > realClock.wallMs())
    throw new Unusable(`--at ${pointText(at)} is in the future.`)
  if (at?.type === 'sequence' && at.shard !== undefined && at.shard !== of.shard) {
    const place = `${quoted(of.productId)} is in shard ${of.shard}`
    throw new Unusable(`--at ${pointText(at)} is of shard ${at.shard}, and ${place}.`)
  }
}

function countersOf(stock: StockView): Omit<StockAt, 'shard' | 'sequence' | 'asOf'> {
  const { productId, onHand, held, earmarked, sold, version, retired } = stock
  return { productId, available: availableOf(stock), onHand, held, earmarked, sold, version, retired }
}

function unknownProduct(files: JournalFiles, productId: ProductId, at: Point | undefined): Unusable {
  const products = productsIn(files)
  if (products.size === 0)
    return new Unusable(`There is no product ${quoted(productId)}: nothing has happened yet.`)
  if (products.has(productId)) {
    const when = at === undefined ? '' : ` at ${pointText(at)}`
    return new Unusable(`${quoted(productId)} had no stock yet${when}: its first event came later.`)
  }
  return new Unusable(`There is no product ${quoted(productId)}.${didYouMean(productId, products)}`)
}

function describe(at: StockAt): string[] {
  const rows = [
    ['available', at.available],
    ['on hand', at.onHand],
    ['held', at.held],
    ...(at.earmarked > 0 ? ([['put aside', at.earmarked]] as const) : []),
    ['sold', at.sold],
  ] as const
  const width = Math.max(...rows.map(([, units]) => countText(units).length))
  const retired = at.retired ? ', retired' : ''
  return [
    `${at.productId} as of ${at.asOf}, after s${at.shard}.${at.sequence}: version ${at.version}${retired}`,
    ...rows.map(([name, units]) => `${name.padEnd(10)} ${countText(units).padStart(width)}`),
  ]
}
