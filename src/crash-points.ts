/**
 * Named places where a test makes the process kill itself, as a power cut would: no handler runs, nothing is flushed.
 * Armed only by configuration (`CRASH_POINT=name` or `name:nth`), once per thread.
 * `test/process/crash-points.test.ts` walks the list: a name whose place nothing comes to any more fails there.
 */
/** Of the engine and its journal. */
export const engineCrashPoints = [
  'http.beforeEnqueue',
  'shard.afterApply',
  'journal.midWrite',
  'journal.beforeSync',
  'journal.afterSync',
  'reply.half',
  'split.afterOutcome',
  'split.afterHolds',
  'split.afterMade',
  'split.beforeAcknowledge',
  'split.beforeDelivery',
  'snapshot.midWrite',
  'snapshot.beforeRename',
  'snapshot.beforeDirectorySync',
  'recovery.midReplay',
  'recovery.beforeCarry',
  'recovery.beforeOpen',
] as const

/** Of the shop: between a part that has done its share and the next one. */
export const shopCrashPoints = [
  'checkout.afterBegin',
  'checkout.afterHold',
  'checkout.afterOrder',
  'payment.afterDeadline',
  'payment.afterBegin',
  'payment.afterCharge',
  'payment.afterUnits',
  'payment.afterRecord',
  'order.afterCancel',
  'order.afterRehold',
  'order.afterUnitsBack',
  'order.afterRefund',
] as const

/** Of `npm run move`. */
export const moveCrashPoints = [
  'move.midSplit',
  'move.beforeRename',
  'move.beforeClose',
  'move.midCopy',
  'move.beforeHead',
  'move.beforeLeft',
  'move.beforeOpen',
  'move.midFetch',
  'move.beforeMoved',
  'move.beforePlace',
  'move.midPlace',
  'move.beforeDone',
  'move.midTables',
  'move.beforeTablesLeft',
  'move.beforeTablesDone',
] as const

export const crashPoints = [...engineCrashPoints, ...shopCrashPoints, ...moveCrashPoints] as const

export type CrashPoint = (typeof crashPoints)[number]

let poison: string | undefined
let armed: { readonly name: string; passesLeft: number } | undefined

/** Arms one crash point; `setting` is `name` or `name:nth`, where nth counts from 1. */
export function armCrashPoint(setting: string | undefined): void {
  if (setting === undefined || setting === '') return
  const [name = '', nth = '1'] = setting.split(':')
  if (name === 'poison') {
    poison = nth
    return
  }
  armed = { name, passesLeft: Number(nth) }
}

/** Whether this very pass is the one to die at; for places that must first do half of something. */
export function crashesHere(name: CrashPoint): boolean {
  if (armed === undefined || armed.name !== name) return false
  armed.passesLeft -= 1
  return armed.passesLeft === 0
}

export function die(): never {
  process.kill(process.pid, 'SIGKILL')
  // The signal is on its way; nothing after this line may run.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000)
}

/** Dies here if this crash point is armed. Costs one comparison otherwise. */
export function crashPoint(name: CrashPoint): void {
  if (armed !== undefined && crashesHere(name)) die()
}

/**
 * Throws where a request's text is the armed poison (`CRASH_POINT=poison:<text>`): its reference in a shard or in the
 * history, as a bug in the rules would.
 */
export function throwIfPoison(text: string | undefined): void {
  if (poison !== undefined && text === poison) throw new Error(`poison: ${text}`)
}

/** The same where nothing catches it, as a bug in a callback would: a request's own id ends the listener's thread. */
export function throwUncaughtIfPoison(text: string): void {
  if (poison !== undefined && text === poison) queueMicrotask(() => throwIfPoison(text))
}
