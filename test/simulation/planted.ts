/** Faults of a machine or of the way to it that no engine can hide: each must be noticed, or the oracle sees nothing. */
import type { CallOutcome } from '../support/http-call.ts'
import type { SimulatedMachine } from './simulated-machine.ts'

export type Plant = (machine: SimulatedMachine) => void

const LATE_MS = 2_000

/** Syncs say that they are done, and nothing became durable. */
export const liesAboutSyncs: Plant = ({ disk }) => {
  const beginSync = disk.beginSync.bind(disk)
  disk.beginSync = (inode) => {
    const { lose } = beginSync(inode)
    return { finish: lose, lose }
  }
}

/** Syncs say that they are done some time before they are: whatever waited for them leaves too early. */
export const answersTooSoon: Plant = ({ disk, timers }) => {
  const beginSync = disk.beginSync.bind(disk)
  const { after } = timers.session()
  disk.beginSync = (inode) => {
    const { finish, lose } = beginSync(inode)
    return { finish: () => void after(LATE_MS, finish), lose }
  }
}

/** Whoever reserves is told that one more is left than is. */
export const tellsMore: Plant = (machine) =>
  changeCalls(machine, async (call) => {
    const outcome = await call()
    if (outcome.type !== 'answered' || outcome.status !== 201) return outcome
    const items = outcome.body.items as { available: number }[]
    return {
      ...outcome,
      body: { ...outcome.body, items: items.map((item) => ({ ...item, available: item.available + 1 })) },
    }
  })

/** A request without a key is sent twice. */
export const sendsTwice: Plant = (machine) =>
  changeCalls(machine, async (call, key) => {
    if (key === undefined) await call()
    return call()
  })

/** No key arrives as it was sent. */
export const losesKeys: Plant = (machine) => {
  let nr = 0
  changeCalls(machine, (call, key) => call(key === undefined ? undefined : `other-${nr++}`))
}

type Change = (call: (key?: string) => Promise<CallOutcome>, key: string | undefined) => Promise<CallOutcome>

function changeCalls({ process }: SimulatedMachine, change: Change): void {
  if (process === undefined) return
  const call = process.call.bind(process)
  process.call = (target, request) => {
    const { idempotencyKey } = request
    if (target[0] !== 'POST') return call(target, request)
    return change((key = idempotencyKey) => call(target, { ...request, idempotencyKey: key }), idempotencyKey)
  }
}
