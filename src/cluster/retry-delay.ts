/** How long to leave alone what has just failed; `failures` counts those in a row, `chance` in [0, 1) keeps nodes apart. */
export function retryDelayMs(failures: number, chance: number): number {
  return Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** (failures - 1)) * (0.5 + chance / 2)
}

const RETRY_MS_MIN = 50
const RETRY_MS_MAX = 1_000
