/**
 * FAULTS.md, A14, H65, H66, H73 and H75 drawn by a seed, for long: three nodes on a Redis Cluster of three primaries and three
 * replicas, `REDIS_ACK=replicas:1`, under load all the while.
 *
 * `TEST_SEED=<seed>` and `TEST_NODE_KILLS`, `TEST_PRIMARY_KILLS`, `TEST_PARTITIONS`, `TEST_STANDSTILLS`, `TEST_RESTARTS` say
 * otherwise; figures and progress are in test/results/cluster-faults.json and cluster-faults.log.
 */
import * as assert from 'uvu/assert'
import {
  type ClusterFaultReport,
  type FaultKind,
  faultCluster,
  faultKinds,
  spreadOf,
} from '../support/cluster-faults.ts'
import { LongFigure } from '../support/long-figure.ts'
import { note, suite } from '../support/suite.ts'

const VARIABLES: Readonly<Record<FaultKind, readonly [name: string, usually: number]>> = {
  nodeKills: ['TEST_NODE_KILLS', 50],
  primaryKills: ['TEST_PRIMARY_KILLS', 30],
  partitions: ['TEST_PARTITIONS', 10],
  standstills: ['TEST_STANDSTILLS', 10],
  restarts: ['TEST_RESTARTS', 3],
}
/** Within which half of all kills of nodes are over; a machine that is busy with something else is slower now and then. */
const SELLS_WITHIN_MS = 5_000
/** Of a fault, in the summary. */
const SHOWN = 1_000
const seed = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000)

const test = suite('faults of a cluster, for long', { limitMs: 3_500_000, needs: ['redis-server'] })

test('of all kinds lose nothing acknowledged, sell nothing twice, and every shard sells again', async () => {
  const figure = new LongFigure('cluster-faults')
  const counts = countsWanted()
  let report: ClusterFaultReport | undefined
  let fault = 'none'
  try {
    report = await faultCluster({
      seed,
      counts,
      onFault: (soFar) => {
        report = soFar
        figure.say(JSON.stringify(shownOf(soFar)))
      },
    })
  } catch (error) {
    fault = String(error).slice(0, SHOWN)
    throw error
  } finally {
    const settings = faultKinds.map((kind) => `${VARIABLES[kind][0]}=${counts[kind]}`)
    const command = `TEST_SEED=${seed} ${settings.join(' ')} npm test -- test/process/cluster-faults.long.ts`
    figure.end({ command, seed, ...(report !== undefined && shownOf(report)), fault })
  }
  note(`TEST_SEED=${seed}: ${JSON.stringify(shownOf(report))}`)
  for (const kind of faultKinds) assert.is(report.soldMs[kind].length, counts[kind])
  assert.ok((spreadOf(report.soldMs.nodeKills).median ?? 0) < SELLS_WITHIN_MS)
  assert.is(report.failedInRestarts, 0)
})

test.run()

function countsWanted(): Record<FaultKind, number> {
  const wanted = faultKinds.map((kind) => {
    const [name, usually] = VARIABLES[kind]
    return [kind, Number(process.env[name] ?? usually)]
  })
  return Object.fromEntries(wanted) as Record<FaultKind, number>
}

function shownOf({ soldMs, ...others }: ClusterFaultReport) {
  const spreads = faultKinds.map((kind) => [kind, spreadOf(soldMs[kind])])
  return { ...others, soldMs: Object.fromEntries(spreads) as Record<FaultKind, ReturnType<typeof spreadOf>> }
}
