/**
 * Faults of every kind that a machine can do to a server, drawn by a seed, while buyers go on: it stands still, its disk
 * fills up, it may open no more files, its wall clock jumps, and it dies of `kill -9` in the middle of any of these. After
 * each life the journal is held against the ledger, and the next server's answers against the journal.
 */
import { expectSameAnswers, expectSettled, judge, type Verdict } from './journal-oracle.ts'
import { deliver, LoadClient, randomFrom } from './load-client.ts'
import { allowFiles, canLimitFiles, filesEnough, openFilesOf } from './open-files.ts'
import { RequestLedger } from './request-ledger.ts'
import { pause, type ServerProcess, Site } from './server-process.ts'
import { ShiftedClock } from './shifted-clock.ts'
import { SmallDisk } from './small-disk.ts'

export type MixedFaults = {
  /** Servers, one after another on one data directory. */
  readonly lives: number
  readonly seed: number
  /** Told after each of them how far all are. */
  readonly onLife?: (soFar: FaultReport) => void
}

export const noFaults = {
  lives: 0,
  kills: 0,
  /** Of the kills, those in the middle of another fault. */
  killsAmidst: 0,
  stops: 0,
  standstills: 0,
  fullDisks: 0,
  fewFiles: 0,
  clockJumps: 0,
  acknowledged: 0,
  unknown: 0,
}

export type FaultReport = { -readonly [name in keyof typeof noFaults]: number }

type Kind = 'standstills' | 'fullDisks' | 'fewFiles' | 'clockJumps'

/** What lasts until it is over, or the server is dead. */
type Fault = { begin(server: ServerProcess): void; end(server: ServerProcess): void }

const products = ['scarce', ...Array.from({ length: 10 }, (_, i) => `product-${i}`)]
const SCARCE_UNITS = 200
const DISK_BYTES = 96 * 1_024 * 1_024
const FAULTS_MAX = 3
const FAULT_MS_MAX = 1_500
/** Sockets of the load that are open already may be counted a moment late. */
const SPARE_FILES = 4
const HOUR_MS = 3_600_000
const STOP_SHARE = 0.2
const QUIET_TRIES_MAX = 3
/** A shard asks after what it doubts 5 s after its recovery: a life that ends sooner may leave it to the next. */
const QUIET_MS = 6_000

/** Throws at the first promise that is broken, and names seed and life. */
export async function mixFaults({ lives, seed, onLife }: MixedFaults): Promise<FaultReport> {
  using disk = SmallDisk.make(DISK_BYTES)
  using clock = new ShiftedClock(0)
  await using site = new Site(disk?.directory)
  const random = randomFrom(seed)
  const ledger = new RequestLedger()
  const report: FaultReport = { ...noFaults }
  const faults = faultsOf(random, { disk, clock })
  const kinds = [...faults.keys()]
  const environment = () => ({ WORKERS: String(1 + Math.floor(random() * 3)), CLOCK_ACCEPT: 'true' })
  let verdict: Verdict | undefined
  try {
    for (; report.lives < lives; report.lives++) {
      const server = await site.start({ environment: environment(), nodeArguments: clock.nodeArguments })
      if (verdict !== undefined) await expectSameAnswers(server, verdict)
      else await deliver(server, ledger, stocks())
      const options = { severalShare: 0.3, keyedShare: 0.5, padding: 96, customers: 50, connections: 12 }
      const load = new LoadClient(server, ledger, {
        ...options,
        products,
        seed: seed * 10_000 + report.lives,
      })
      const count = Math.floor(random() * (FAULTS_MAX + 1))
      const drawn = Array.from({ length: count }, () => kinds[Math.floor(random() * kinds.length)] as Kind)
      const diesAmidst = random() < 0.4
      await pause(random() * 300)
      for (const [i, kind] of drawn.entries()) {
        const fault = faults.get(kind) as Fault
        fault.begin(server)
        report[kind] += 1
        await pause(random() * FAULT_MS_MAX)
        const isLast = diesAmidst && i === drawn.length - 1
        if (isLast) {
          await server.kill()
          report.kills += 1
          report.killsAmidst += 1
        }
        fault.end(server)
        if (!isLast) await pause(random() * 300)
      }
      if (!server.hasExited) await endLife(server, report, random() < STOP_SHARE)
      await load.ended()
      verdict = judge(site, ledger, verdict?.journal)
      report.acknowledged = ledger.acknowledgedCount()
      report.unknown = [...ledger.reserves.values()].filter(({ known }) => known === 'unknown').length
      onLife?.({ ...report, lives: report.lives + 1 })
    }
    if (verdict !== undefined) await leaveAlone(site, ledger, verdict)
  } catch (cause) {
    throw new Error(`life ${report.lives} of seed ${seed}: ${JSON.stringify(report)}`, { cause })
  }
  return report
}

function stocks(): (readonly [productId: string, units: number])[] {
  return products.map((id) => [id, id === 'scarce' ? SCARCE_UNITS : 1_000_000])
}

async function endLife(server: ServerProcess, report: FaultReport, inOrder: boolean): Promise<void> {
  if (!inOrder) {
    await server.kill()
    report.kills += 1
    return
  }
  const { code, signal } = await server.stop()
  if (code !== 0) throw new Error(`it stopped with status ${code}, ${signal}:\n${server.troubles}`)
  report.stops += 1
}

/** Only those that this machine and user can do. */
function faultsOf(
  random: () => number,
  { disk, clock }: { readonly disk: SmallDisk | undefined; readonly clock: ShiftedClock },
): ReadonlyMap<Kind, Fault> {
  const faults = new Map<Kind, Fault>()
  faults.set('standstills', {
    begin: (server) => server.signal('SIGSTOP'),
    end: (server) => server.signal('SIGCONT'),
  })
  faults.set('clockJumps', {
    begin: () => (random() < 0.3 ? clock.stop() : clock.set(Math.round((random() - 0.5) * 4 * HOUR_MS))),
    end: () => clock.set(0),
  })
  if (disk !== undefined) faults.set('fullDisks', { begin: () => disk.fill(), end: () => disk.free() })
  if (!canLimitFiles()) return faults
  faults.set('fewFiles', {
    begin: (server) => allowFiles(server, openFilesOf(server) + SPARE_FILES),
    end: (server) => {
      if (!server.hasExited) allowFiles(server, filesEnough)
    },
  })
  return faults
}

/** After all of that, what shards owe each other is said within seconds, and all sell. */
async function leaveAlone(site: Site, ledger: RequestLedger, before: Verdict): Promise<void> {
  let verdict = before
  for (let tries = 0; tries < QUIET_TRIES_MAX; tries++) {
    const server = await site.start({ environment: { CLOCK_ACCEPT: 'true' } })
    await expectSameAnswers(server, verdict)
    await deliver(server, ledger, [[`after-${tries}`, 5]])
    if (tries > 0) await pause(QUIET_MS)
    await server.stop()
    verdict = judge(site, ledger, verdict.journal)
    if ([...verdict.books.several.pending()].length === 0) return
  }
  expectSettled(verdict)
}
