/** Waits for what comes by itself. */
const TRY_EVERY_MS = 5
const WITHIN_MS = 15_000

/** Resolves once it holds; rejects, by `what`, where it never does. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  what = 'it',
  withinMs = WITHIN_MS,
): Promise<void> {
  const givenUpMs = performance.now() + withinMs
  while (!(await holds())) {
    if (performance.now() > givenUpMs) throw new Error(`${what} has not come about within ${withinMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, TRY_EVERY_MS))
  }
}
