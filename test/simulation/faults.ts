/**
 * What goes wrong in a simulation. Swarm testing: each seed switches some of these on, each at a rate of its own, since
 * faults that always come together hide what each does alone.
 */
import { startMs } from '../support/in-process-engine.ts'
import type { CallKind, ErrorCode, Fate } from '../support/memory-disk.ts'
import type { SimulatedMachine } from './simulated-machine.ts'

export const faultNames = [
  'kill',
  'powerLoss',
  'stop',
  'workerDeath',
  'failOnce',
  'failForAWhile',
  'fullDisk',
  'slowDisk',
  'slowMessages',
  'clockJump',
  'expiryStorm',
] as const
export type FaultName = (typeof faultNames)[number]

export type Random = () => number

const CODES: readonly ErrorCode[] = ['EIO', 'ENOSPC', 'EROFS']
const KINDS: readonly (readonly CallKind[] | undefined)[] = [
  ['write', 'writeLater'],
  ['sync', 'syncNow'],
  ['create'],
  ['rename', 'syncDirectory'],
  undefined,
]
const SECTOR = 512
const HOUR_MS = 3_600_000
/** A clock that is wrong by no more is believed at every start. */
const CLOCK_OFF_MS = 50_000

/** Ends the process. */
const ENDS: readonly FaultName[] = ['kill', 'powerLoss', 'stop']

/** The faults of one seed, and how likely each is in a round. */
export function swarmOf(random: Random, without: readonly FaultName[]): Map<FaultName, number> {
  const chosen = new Map<FaultName, number>()
  for (const name of faultNames) {
    const [isOn, rate] = [random() < 0.5, random() ** 3]
    if (isOn && !without.includes(name)) chosen.set(name, rate)
  }
  return chosen
}

export function endsProcess(name: FaultName): boolean {
  return ENDS.includes(name)
}

/** Any mixture of what may become of writes that were not synced: all, none, a torn one, or each by chance. */
export function fates(random: Random): (index: number) => Fate {
  const kind = Math.floor(random() * 4)
  const at = Math.floor(random() * 40)
  if (kind === 0) return () => 'lost'
  if (kind === 1) return (index) => (index < at ? 'kept' : index === at ? cut(random) : 'lost')
  if (kind === 2) return () => (random() < 0.5 ? 'kept' : 'lost')
  return () => (random() < 0.3 ? cut(random) : random() < 0.5 ? 'kept' : 'lost')
}

function cut(random: Random): number {
  return SECTOR * (1 + Math.floor(random() * 8))
}

/** Makes something go wrong that leaves the process running, or leaves it to end by itself. */
export function strike(name: FaultName, machine: SimulatedMachine, random: Random): void {
  const { process, disk, timers } = machine
  const pick = <T>(all: readonly T[]) => all[Math.floor(random() * all.length)] as T
  switch (name) {
    case 'workerDeath': {
      const worker = Math.floor(random() * (process?.engine.options.workers ?? 1))
      if (process?.engine.lives[worker]?.at(-1)?.isOver === false) process.engine.kill(worker)
      return
    }
    case 'failOnce':
    case 'failForAWhile': {
      const kinds = pick(KINDS)
      const nth = 1 + Math.floor(random() * 10)
      disk.fail({ code: pick(CODES), ...(kinds && { kinds }), nth, forever: name === 'failForAWhile' })
      if (name === 'failForAWhile') later(machine, 200 + random() * 3_000, () => disk.heal())
      return
    }
    case 'fullDisk':
      disk.capacityBytes = disk.usedBytes + Math.floor(random() * 100_000)
      later(machine, 200 + random() * 5_000, () => {
        disk.capacityBytes = Number.POSITIVE_INFINITY
      })
      return
    case 'slowDisk': {
      const slowMs = 1 + random() ** 3 * 8_000
      disk.finishLater = (finish) => later(machine, random() * slowMs, finish)
      later(machine, random() * 20_000, () => usualDisk(machine, random))
      return
    }
    case 'slowMessages':
      for (const lives of process?.engine.lives ?? []) {
        const wire = lives.at(-1)?.wire
        if (wire === undefined) continue
        const way = random() < 0.5 ? wire.there : wire.back
        way.isHolding = true
        later(machine, random() ** 3 * 12_000, () => way.release())
      }
      return
    case 'clockJump':
      timers.clock.setWall(startMs + timers.clock.monotonicMs() + (random() - 0.5) * CLOCK_OFF_MS)
      return
    default:
      return
  }
}

/** Syncs take a while, in which whatever does not wait for them goes on. */
export function usualDisk(machine: SimulatedMachine, random: Random): void {
  const { soon } = machine.timers.session()
  const wait = (turns: number, finish: () => void): void =>
    soon(() => (turns === 0 ? finish() : wait(turns - 1, finish)))
  machine.disk.finishLater = (finish) => wait(Math.floor(random() * 5), finish)
}

/** All that is held is over at once. */
export const stormMs: number = HOUR_MS

function later(machine: SimulatedMachine, ms: number, call: () => void): void {
  machine.timers.session().after(ms, call)
}
