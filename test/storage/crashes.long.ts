/**
 * What crashes.test.ts does at a sample of the points, at every one; `EVERY` takes one in so many, `MIXED` says how many
 * mixtures of each moment's losses are drawn, `PAIRS` at which calls the first of two failures strikes.
 */
import * as assert from 'uvu/assert'
import { LongFigure } from '../support/long-figure.ts'
import { note, suite } from '../support/suite.ts'
import { countCalls, modes, sweepCalls, sweepImages, sweepStarts } from './crash-sweep.ts'

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
const every = Number(process.env.EVERY ?? 1)
const mixed = Number(process.env.MIXED ?? 200)
const pairsEvery = Number(process.env.PAIRS ?? 13)
const stride = { every, from: seed }
const asked = `TEST_SEED=${seed} EVERY=${every} MIXED=${mixed} PAIRS=${pairsEvery} npm run test:long -- storage/crashes.long`

const everywhere = suite('one failure anywhere', { limitMs: 3_500_000 })

everywhere('at each call to the disk', async () => {
  const figure = new LongFigure('storage-calls')
  const total = await countCalls()
  const points: Record<string, number> = {}
  for (const mode of modes) points[mode] = await sweepCalls(mode, stride, (line) => figure.progress(line))
  figure.end({ command: asked, seed, calls: total, points, violations: 0 })
  note(`${total} calls: ${JSON.stringify(points)}`)
  for (const count of Object.values(points)) assert.ok(count >= Math.floor(total / every))
})

everywhere('of the power, at each moment, with each image it can leave', async () => {
  const figure = new LongFigure('storage-images')
  const counts = await sweepImages(stride, { mixed, seed }, (line) => figure.progress(line))
  figure.end({ command: asked, seed, ...counts, violations: 0 })
  note(JSON.stringify(counts))
  assert.ok(counts.distinct >= 10_000 / every)
})

everywhere('at each call of the start after a crash', async () => {
  const figure = new LongFigure('storage-pairs')
  const pairs = await sweepStarts({ every: pairsEvery, from: seed }, stride, (line) => figure.progress(line))
  figure.end({ command: asked, seed, pairs, violations: 0 })
  note(`${pairs} pairs`)
  assert.ok(pairs > 0)
})

everywhere.run()
