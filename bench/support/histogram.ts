/** Samples by size, in steps that double, as times of disks are told. */

export type Step = { readonly from: number; readonly to: number; readonly count: number }

/** Finer than the smallest time that matters here. */
const FIRST = 0.0625

/** From the first step that has a sample to the last, the empty ones between included. */
export function histogramOf(samples: readonly number[]): readonly Step[] {
  const counts: number[] = []
  for (const sample of samples) {
    const step = Math.max(0, Math.floor(Math.log2(sample / FIRST)) + 1)
    counts[step] = (counts[step] ?? 0) + 1
  }
  const steps = Array.from(counts, (count = 0, step) => {
    return { from: step === 0 ? 0 : FIRST * 2 ** (step - 1), to: FIRST * 2 ** step, count }
  })
  return steps.slice(steps.findIndex(({ count }) => count > 0))
}
