/** The map from texts is a `Map` to whoever uses it: compared with one, step by step. */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { TextMap } from '../../src/domain/text-map.ts'
import { note, suite } from '../support/suite.ts'

const test = suite('a map from texts')

function same(map: TextMap<string, number>, model: ReadonlyMap<string, number>): void {
  assert.is(map.size, model.size)
  assert.equal([...map], [...model])
  assert.equal([...map.keys()], [...model.keys()])
  assert.equal([...map.values()], [...model.values()])
  const told: [string, number][] = []
  map.forEach((value, key) => void told.push([key, value]))
  assert.equal(told, [...model])
}

test('holds what a Map would hold, in the order of adding', () => {
  const seed = Number(process.env.TEST_SEED ?? Date.now() | 0)
  note(`TEST_SEED=${seed}`)
  const key = fc.oneof(fc.nat(300).map(String), fc.constantFrom('__proto__', 'constructor', '', 'é', '🎈'))
  const step = fc.record({ key, deletes: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 2_000, size: 'max' }), (steps) => {
      const map = new TextMap<string, number>()
      const model = new Map<string, number>()
      steps.forEach(({ key, deletes }, nr) => {
        if (deletes) assert.is(map.delete(key), model.delete(key))
        else {
          map.set(key, nr)
          model.set(key, nr)
        }
        assert.is(map.get(key), model.get(key))
        assert.is(map.has(key), model.has(key))
      })
      same(map, model)
      same(new TextMap(model), model)
      map.clear()
      same(map, new Map())
    }),
    { seed, numRuns: Number(process.env.TEST_RUNS ?? 60) },
  )
})

test('ids that were chosen to collide are found all the same, and soon', () => {
  const colliding = collisions(400)
  const map = new TextMap<string, number>()
  colliding.forEach((key, nr) => void map.set(key, nr))
  colliding.forEach((key, nr) => void assert.is(map.get(key), nr))
  assert.is(map.get('another'), undefined)
  for (const key of colliding.slice(0, 200)) assert.ok(map.delete(key))
  assert.equal([...map.keys()], colliding.slice(200))
  for (const key of colliding.slice(0, 200)) map.set(key, 0)
  assert.equal([...map.keys()], [...colliding.slice(200), ...colliding.slice(0, 200)])
})

test('ids that collide leave nothing behind when they are deleted or all is cleared, however large the map was', () => {
  const colliding = collisions(400)
  const map = new TextMap<string, number>()
  for (const key of colliding) map.set(key, 1)
  for (let nr = 0; nr < 20_000; nr++) map.set(`other ${nr}`, nr)
  for (const key of colliding) assert.ok(map.delete(key))
  for (const key of colliding) assert.not(map.has(key) || map.delete(key))
  assert.equal(map.size, 20_000)
  const again = new TextMap(colliding.map((key, nr) => [key, nr]))
  again.clear()
  for (const key of colliding) assert.not(again.has(key))
})

test('two ids with the very same hash are two', () => {
  const byHash = new Map<number, string>()
  for (let nr = 0; ; nr++) {
    const text = `key-${nr}`
    const other = byHash.get(hashOf(text))
    byHash.set(hashOf(text), text)
    if (other === undefined) continue
    const map = new TextMap([[other, 1]])
    assert.not(map.has(text))
    map.set(text, 2)
    assert.equal([map.get(other), map.get(text), map.size], [1, 2, 2])
    assert.ok(map.delete(other))
    assert.equal([map.get(other), map.get(text), map.size], [undefined, 2, 1])
    break
  }
})

/** Texts whose hashes share their low bits in any table of up to a few thousand: drawn until there are enough. */
function collisions(count: number): string[] {
  const found: string[] = []
  for (let nr = 0; found.length < count; nr++) {
    const text = `key-${nr}`
    if ((hashOf(text) & 0xfff) === 0x123) found.push(text)
  }
  return found
}

/** As the map reckons it. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
}

test.run()
