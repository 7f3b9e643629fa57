/** FAULTS.md, A13, for longer: whether the process dies of it, or a worker again and again, or nobody. */
import { fillWorkersOf, tryHeapOf } from '../support/memory-trial.ts'
import { note, suite } from '../support/suite.ts'

const test = suite('a heap that fills up', { limitMs: 300_000 })

for (const megabytes of [32, 40, 48, 64]) {
  test(`of ${megabytes} MB loses nothing acknowledged`, async () => {
    note(await tryHeapOf(megabytes, 120_000))
  })
}

for (const megabytes of [96, 256]) {
  test(`of ${megabytes} MB refuses what does not fit, and no worker dies`, async () => {
    note(await fillWorkersOf(megabytes, 250_000))
  })
}

test.run()
