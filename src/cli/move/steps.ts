/** What a move tells while it works: a line for each of its steps, and how far it is every few seconds. */
import { realClock } from '../../seams.ts'
import { countText, type Terminal } from '../terminal.ts'

/** One step that is under way. */
export type Step = {
  advance(by: number): void
  done(): void
}

const TOLD_EVERY_MS = 2_000

/** Begins a step of so many of something. */
export function beginStep(out: Terminal, what: string, total: number, noun: string): Step {
  const beganAtMs = realClock.monotonicMs()
  let toldAtMs = beganAtMs
  let count = 0
  return {
    advance(by) {
      count += by
      const nowMs = realClock.monotonicMs()
      if (nowMs - toldAtMs < TOLD_EVERY_MS) return
      toldAtMs = nowMs
      const share = total > 0 ? `, ${Math.min(100, Math.floor((count / total) * 100))} %` : ''
      out.remark(`${what}: ${countText(count)} ${noun}${share}`)
    },
    done() {
      const seconds = (realClock.monotonicMs() - beganAtMs) / 1_000
      out.remark(`${what}: ${countText(count)} ${noun}, done in ${seconds.toFixed(1)} s`)
    },
  }
}
