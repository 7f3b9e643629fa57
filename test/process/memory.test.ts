/** FAULTS.md, A13: too little memory. Whoever dies of it, a restart has everything that was acknowledged. */
import { fillWorkersOf, limitHeapTo, tryHeapOf } from '../support/memory-trial.ts'
import { note, suite } from '../support/suite.ts'

const test = suite('a heap that is too small', { limitMs: 60_000 })

test('may end the process, and nothing acknowledged is lost', async () => {
  note(await tryHeapOf(23, 5_000))
})

test('for all that is reserved of it refuses that and no more, and no worker dies', async () => {
  note(await fillWorkersOf(64, 40_000))
})

test('by a flag of Node is the heap that counts, whatever the setting says, and the log tells', async () => {
  note(await limitHeapTo(100, 256))
})

test.run()
