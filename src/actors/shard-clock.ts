/**
 * Shard time: the later of the wall clock at start and the millisecond after the last recorded time, plus monotonic time
 * since. So what was recorded lies before what this shard does, whoever asks (the grace of a recovery does). The wall
 * clock is not read again, so that it may jump without expiring anybody's hold (FAULTS.md, 41 and 42).
 */
import { clockAheadMsMax, clockBehindMsMax } from '../limits.ts'
import type { Clock } from '../seams.ts'

export type ShardClock = {
  /** Whole milliseconds since 1970; never goes back. */
  nowMs(): number
  /** How far the wall clock has come away from shard time, in milliseconds; a metric. */
  skewMs(): number
}

export function startShardClock(clock: Clock, lastRecordedMs: number): ShardClock {
  const startedAtMs = Math.max(clock.wallMs(), lastRecordedMs + 1)
  const origin = clock.monotonicMs()
  const nowMs = () => startedAtMs + Math.floor(clock.monotonicMs() - origin)
  return { nowMs, skewMs: () => clock.wallMs() - nowMs() }
}

/** Why this wall clock cannot be believed after what was recorded, or `undefined` where it can. */
export function clockDoubt(wallMs: number, lastRecordedMs: number): string | undefined {
  if (lastRecordedMs === 0) return undefined
  const recorded = new Date(lastRecordedMs).toISOString()
  const wall = new Date(wallMs).toISOString()
  const advice = 'Set the clock right, or start once with CLOCK_ACCEPT=true if it is right.'
  if (wallMs < lastRecordedMs - clockBehindMsMax) {
    return `the clock says ${wall}, earlier than the last recorded event at ${recorded}. ${advice}`
  }
  if (wallMs > lastRecordedMs + clockAheadMsMax) {
    return `the clock says ${wall}, more than a day after the last recorded event at ${recorded}. ${advice}`
  }
  return undefined
}
