/** FAULTS.md, A13: too little memory. Whoever dies of it, a restart has everything that was acknowledged. */
import { tryHeapOf } from '../support/memory-trial.ts'
import { note, suite } from '../support/suite.ts'

const test = suite('a heap that is too small', { limitMs: 60_000 })

test('may end the process, and nothing acknowledged is lost', async () => {
  note(await tryHeapOf(18, 5_000))
})

test.run()
