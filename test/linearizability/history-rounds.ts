/**
 * Histories of a real server with threads, over real HTTP, each killed in its middle and gone on with at the next start, and
 * each held against the model, a product at a time.
 */
import { randomFrom } from '../support/load-client.ts'
import { type ServerProcess, Site } from '../support/server-process.ts'
import { checkLinearizable } from './checker.ts'
import { type Operation, partition, shownOperation } from './operation.ts'
import { StockBuyers } from './stock-buyers.ts'
import { type StockInput, stockModel } from './stock-model.ts'

export type HistoryRounds = {
  readonly histories: number
  readonly seed: number
  /** Operations a history. */
  readonly operations: number
  /** Told after each of them what it was, and how far all are. */
  readonly onHistory?: (recorded: readonly Operation<StockInput>[], soFar: HistoryReport) => void
}

export type HistoryReport = {
  histories: number
  operations: number
  /** Open to the end of their history. */
  unanswered: number
  /** Calls that came again under their key. */
  askedAgain: number
  /** Calls that had no effect, and so are in no history. */
  failed: number
  kills: number
  /** Operations that the checker tried in some place. */
  steps: number
}

const PRODUCTS = 4
const CLIENTS = 12
const KILLS_MAX = 2
/** An answer that no order explains is shown with as much as was before it. */
const SHOWN = 12

/** One after another on one data directory, each with products of its own; throws at the first that no order explains. */
export async function checkHistories(rounds: HistoryRounds): Promise<HistoryReport> {
  const { histories, seed, operations, onHistory } = rounds
  await using site = new Site()
  const random = randomFrom(seed)
  const total = noHistories()
  const start = () => {
    const environment = {
      WORKERS: String(1 + Math.floor(random() * 3)),
      LISTENERS: random() < 0.3 ? '2' : '1',
    }
    return site.start({ environment })
  }
  let server = await start()
  for (let history = 0; history < histories; history++) {
    const buyers = new StockBuyers({
      products: Array.from({ length: PRODUCTS }, (_, i) => `product-${history}-${i}`),
      seed: seed * 1_000 + history,
      clients: CLIENTS,
      operations,
    })
    buyers.use(server)
    const killsAt = drawKills(random, operations)
    const killed = killInTurn(buyers, server, killsAt, start)
    await Promise.all([buyers.done, killed])
    server = await killed
    const recorded = buyers.history.operations
    total.histories += 1
    total.operations += recorded.length
    total.unanswered += buyers.counts.unanswered
    total.askedAgain += buyers.counts.askedAgain
    total.failed += buyers.counts.failed
    total.kills += killsAt.length
    total.steps += stepsToExplain(recorded, `history ${history} of seed ${seed}`)
    onHistory?.(recorded, total)
  }
  return total
}

export function noHistories(): HistoryReport {
  return { histories: 0, operations: 0, unanswered: 0, askedAgain: 0, failed: 0, kills: 0, steps: 0 }
}

/** How many operations were tried before each product's had an order; throws where there is none. */
export function stepsToExplain(operations: readonly Operation<StockInput>[], name: string): number {
  let steps = 0
  for (const [productId, part] of partition(operations, (input) => input.productId)) {
    const verdict = checkLinearizable(stockModel, part)
    steps += verdict.steps
    if (verdict.type === 'linearizable') continue
    const what = `${name}, ${productId}: ${verdict.type} after ${verdict.steps} steps`
    if (verdict.type === 'undecided') throw new Error(what)
    const shown = (index: number) => shownOperation(part[index] as Operation<StockInput>)
    const before = verdict.order.slice(-SHOWN).map(shown).join('\n  ')
    throw new Error(`${what}\nafter\n  ${before}\nno order explains\n  ${shown(verdict.next)}`)
  }
  return steps
}

/** In the middle, where many calls are under way: by how many operations were begun before. */
function drawKills(random: () => number, operations: number): number[] {
  const count = 1 + Math.floor(random() * KILLS_MAX)
  const share = () => 0.1 + 0.8 * random()
  return Array.from({ length: count }, () => Math.floor(operations * share())).sort((a, b) => a - b)
}

async function killInTurn(
  buyers: StockBuyers,
  first: ServerProcess,
  killsAt: readonly number[],
  start: () => Promise<ServerProcess>,
): Promise<ServerProcess> {
  let server = first
  for (const count of killsAt) {
    await buyers.history.reaches(count)
    buyers.lose()
    await server.kill()
    server = await start()
    buyers.use(server)
  }
  return server
}
