import { note, suite } from '../support/suite.ts'
import { modes, sweepCalls, sweepImages, sweepStarts } from './crash-sweep.ts'
const test = suite('smoke', { limitMs: 600_000 })
for (const mode of modes) {
test(mode, async () => {
  const t = performance.now()
  const n = await sweepCalls(mode, { every: 1, from: 0 })
  note(`${mode} ${n} ${performance.now() - t}`)
})
}
test('starts', async () => {
  const t = performance.now()
  const n = await sweepStarts({ every: 20, from: 0 }, { every: 1, from: 0 })
  note(`starts ${n} ${performance.now() - t}`)
})
test('images', async () => {
  const t = performance.now()
  const n = await sweepImages({ every: 1, from: 0 })
  note(`images ${JSON.stringify(n)} ${performance.now() - t}`)
})
test.run()
