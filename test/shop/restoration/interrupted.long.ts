/** FAULTS.md, 80: the reconciliation dies at each of its calls of another part, before it takes effect and after. */
import * as assert from 'uvu/assert'
import { LongFigure } from '../../support/long-figure.ts'
import { note, suite } from '../../support/suite.ts'
import { firstRound, givingBack } from './interrupted.ts'

const COMMAND = 'node test/support/run.ts --long test/shop/restoration'
const test = suite('a reconciliation that dies at every call', { limitMs: 600_000 })

test('comes to the same', async () => {
  const figure = new LongFigure('restoration')
  const deaths: Record<string, number> = {}
  for (const [name, tell] of Object.entries({ firstRound, givingBack })) {
    const calls = await tell()
    assert.ok(calls > 10, `${calls} calls`)
    deaths[name] = 0
    for (let call = 1; call <= calls; call++) {
      for (const when of ['before', 'after'] as const) {
        await tell({ call, when })
        deaths[name] += 1
      }
      figure.progress(() => `${name}: died at ${call} of ${calls} calls`)
    }
  }
  note(JSON.stringify(deaths))
  figure.end({ command: COMMAND, deaths, seed: 'none: every call, before and after' })
})

test.run()
