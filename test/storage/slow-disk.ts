/** The scenario on a disk whose syncs take long, or stop returning at some moment (FAULTS.md, 30 and 31). */
import { judge, judgeStart } from './judgement.ts'
import { Scenario } from './scenario.ts'

/** Every sync takes so long: all is answered as on a quick disk. Returns how many requests were acknowledged. */
export async function runSlowly(syncMs: number): Promise<number> {
  const scenario = new Scenario()
  scenario.execution.syncMs = syncMs
  await scenario.run()
  const where = `syncs of ${syncMs} ms`
  scenario.execution.syncMs = undefined
  judge(scenario.disk.afterPowerLoss(), scenario.ledger, where)
  const { acknowledged } = scenario.ledger
  await judgeStart(scenario, scenario.disk, where)
  return acknowledged
}

export type StuckRun = {
  readonly acknowledged: number
  /** What the workers said they were, at the end of it all. */
  readonly states: readonly string[]
}

/**
 * From its n-th call on no sync of the disk returns: whatever is acknowledged in all the time behind it was durable by
 * then, and a new start serves.
 */
export async function runStuckFrom(n: number): Promise<StuckRun> {
  const scenario = new Scenario()
  const { disk, ledger, execution } = scenario
  let durable = disk
  disk.onCall = ({ nth }) => {
    if (nth !== n) return
    execution.isStuck = true
    durable = disk.afterPowerLoss()
  }
  let states: readonly string[] = []
  scenario.beforeEnd = () => {
    states = execution.states
  }
  await scenario.run()
  const where = `syncs stuck from call ${n}`
  judge(durable, ledger, `${where}: what was durable then`)
  judge(disk.copy(), ledger, where)
  disk.heal()
  execution.isStuck = false
  await judgeStart(scenario, disk, `${where}, then a start`)
  return { acknowledged: ledger.acknowledged, states }
}
