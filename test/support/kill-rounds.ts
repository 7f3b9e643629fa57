/**
 * `kill -9` of the real server under load, over and over on one data directory. After each death the journal is held
 * against what was acknowledged; after each start the server's answers against the journal, and what nobody answered is
 * asked again where it had an idempotency key. At the end a server is left alone until its shards have told each other all.
 */

import { expectSameAnswers, expectSettled, judge, type Verdict } from './journal-oracle.ts'
import type { JournalView } from './journal-reader.ts'
import { deliver, LoadClient, randomFrom } from './load-client.ts'
import { RequestLedger } from './request-ledger.ts'
import { pause, type ServerProcess, Site } from './server-process.ts'

export type KillRounds = {
  readonly rounds: number
  readonly seed: number
  /** Also kills it while it starts, stops it in order at times, and changes workers and listeners. */
  readonly varies: boolean
  /** Told after each round how far all are. */
  readonly onRound?: (soFar: KillReport) => void
}

export type KillReport = {
  readonly acknowledged: number
  readonly unknown: number
  /** By `kill -9`; without the orderly stops. */
  readonly kills: number
  readonly events: number
  /** Of the acknowledged reservations, those of several products. */
  readonly several: number
  /** Requests that were answered only when they came again under their key. */
  readonly resolved: number
  /** What had to be told from shard to shard after a death, in all. */
  readonly pending: number
}

export const noKills: KillReport = {
  acknowledged: 0,
  unknown: 0,
  kills: 0,
  events: 0,
  several: 0,
  resolved: 0,
  pending: 0,
}

/** How many answers there are before the kill, at most; by number, so that a busy machine is asked no less. */
const ANSWERS_MAX = 200
/** And then it comes at any moment, which the answers do not choose. */
const KILL_AFTER_MS = 30
/** A start takes about this long: a kill before its end meets a recovery. */
const START_MS = 600
/** The last words of a settlement are an acknowledgement, which no answer tells of: they may come a start later. */
const QUIET_TRIES_MAX = 3
const plenty = Array.from({ length: 12 }, (_, i) => `product-${i}`)
/** Few units, so that it is sold out and fought for; and one a customer can have only so much of. */
const scarce = 'scarce'
const limited = 'limited'
const customerLimit = 4

export async function killRounds({ rounds, seed, varies, onRound }: KillRounds): Promise<KillReport> {
  await using site = new Site()
  const ledger = new RequestLedger()
  const random = randomFrom(seed)
  const chance = (share: number) => varies && random() < share
  let verdict: Verdict | undefined
  let kills = 0
  let pending = 0
  for (let round = 0; round < rounds; round++) {
    const environment = {
      WORKERS: varies ? String(1 + Math.floor(random() * 3)) : '1',
      LISTENERS: chance(0.2) ? '2' : '1',
    }
    if (verdict !== undefined && chance(0.2)) {
      const starting = await site.start({ environment, until: 'spawned' })
      await pause(random() * START_MS)
      await starting.kill()
      kills += 1
      verdict = judgeRound(site, ledger, { round, seed, earlier: verdict.journal })
    }
    const server = await site.start({ environment })
    if (verdict === undefined) await open(server, ledger)
    else {
      pending += [...verdict.books.several.pending()].length
      // Which waits until shards have told each other all: now and then the next death is to come before that.
      if (!chance(0.5)) await expectSameAnswers(server, verdict)
    }
    const products = [scarce, limited, ...plenty]
    const load = new LoadClient(server, ledger, {
      products,
      seed: seed * 10_000 + round,
      customers: 12,
      severalShare: 0.4,
      keyedShare: 0.5,
    })
    const answers = Math.floor(random() * ANSWERS_MAX)
    await server.until(() => load.count('200') + load.count('201') >= answers, 'buyers are served')
    await pause(random() * KILL_AFTER_MS)
    if (chance(0.1)) await server.stop()
    else {
      await server.kill()
      kills += 1
    }
    await load.ended()
    verdict = judgeRound(site, ledger, { round, seed, earlier: verdict?.journal })
    onRound?.(reportOf(ledger, verdict, { kills, pending }))
  }
  await leaveAlone(site, ledger, verdict)
  return reportOf(ledger, verdict, { kills, pending })
}

function reportOf(
  ledger: RequestLedger,
  verdict: Verdict | undefined,
  counted: { readonly kills: number; readonly pending: number },
): KillReport {
  const reserves = [...ledger.reserves.values()]
  const settlements = [...ledger.settlements.values()].flat()
  const isAcknowledged = ({ known }: { readonly known: string }) => known === 'acknowledged'
  return {
    ...counted,
    acknowledged: ledger.acknowledgedCount(),
    unknown: reserves.filter(({ known }) => known === 'unknown').length,
    events: [...(verdict?.journal.events.values() ?? [])].reduce((sum, { length }) => sum + length, 0),
    several: reserves.filter((asked) => isAcknowledged(asked) && asked.lines.length > 1).length,
    resolved: [...reserves, ...settlements].filter((asked) => isAcknowledged(asked) && asked.answers > 1)
      .length,
  }
}

/** What shards owe each other is said within seconds, though nobody asks for anything. */
async function leaveAlone(site: Site, ledger: RequestLedger, before: Verdict | undefined): Promise<void> {
  let verdict = before
  for (let tries = 0; tries < QUIET_TRIES_MAX; tries++) {
    const server = await site.start()
    if (verdict !== undefined) await expectSameAnswers(server, verdict)
    await server.stop()
    verdict = judge(site, ledger, verdict?.journal)
    if ([...verdict.books.several.pending()].length === 0) return
  }
  if (verdict !== undefined) expectSettled(verdict)
}

async function open(server: ServerProcess, ledger: RequestLedger): Promise<void> {
  const deliveries = plenty.map((id) => [id, 1_000_000] as const)
  await deliver(server, ledger, [[scarce, 150], [limited, 1_000_000], ...deliveries])
  const sale = await server.request('PUT', `/v1/products/${limited}/sale`, {
    perCustomerLimit: customerLimit,
  })
  if (sale.status !== 200) throw new Error(`the sale failed: ${JSON.stringify(sale.body)}`)
}

function judgeRound(
  site: Site,
  ledger: RequestLedger,
  at: { readonly round: number; readonly seed: number; readonly earlier: JournalView | undefined },
): Verdict {
  try {
    return judge(site, ledger, at.earlier)
  } catch (cause) {
    throw new Error(`round ${at.round} of seed ${at.seed}`, { cause })
  }
}
