import { respawnDelayMsMax, respawnDelayMsMin } from '../limits.ts'

/** Milliseconds until a thread is replaced; `failures` counts its ends in a row without having served, this one too. */
export function respawnDelayMs(failures: number): number {
  return Math.min(respawnDelayMsMax, respawnDelayMsMin * 2 ** (failures - 1))
}
