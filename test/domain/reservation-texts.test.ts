/** Texts are read back as they were kept, and only where some stand. */
import * as assert from 'uvu/assert'
import type { CustomerId } from '../../src/domain/ids.ts'
import { noTexts, ReservationTexts, textBytesOf } from '../../src/domain/reservation-texts.ts'
import { suite } from '../support/suite.ts'
import { isBroken } from './given.ts'

const BLOCK_BYTES = 65_536
const customer = (length: number) => 'c'.repeat(length) as CustomerId

const texts = suite('the texts of reservations')

texts('are kept up to their bounds, either or both, and nothing of neither', () => {
  const kept = new ReservationTexts()
  for (const customerId of [undefined, customer(1), customer(255)]) {
    for (const reference of [undefined, '', 'Größe 名 🎈', 'r'.repeat(1_024)]) {
      const place = kept.add(customerId, reference)
      assert.equal([kept.customerIdAt(place), kept.referenceAt(place)], [customerId, reference])
      assert.is(kept.customerIdLengthAt(place), customerId?.length ?? 0)
      const isNone = customerId === undefined && reference === undefined
      assert.is(place === noTexts, isNone)
      const bytes = textBytesOf(customerId?.length ?? 0, Buffer.byteLength(reference ?? ''))
      assert.is(kept.lengthAt(place), isNone ? 0 : bytes)
    }
  }
  assert.throws(() => kept.add(customer(256), undefined), isBroken(/255 characters/))
  assert.throws(() => kept.add(undefined, 'r'.repeat(1_025)), isBroken(/its bound/))
})

texts('stand only where some were put', () => {
  const kept = new ReservationTexts()
  assert.ok(kept.has(noTexts))
  assert.not(kept.has(0))
  const [first, last] = [kept.add(customer(3), 'order 1'), kept.add(customer(9), 'order 2')]
  for (const place of [first, last]) assert.ok(kept.has(place))
  for (const place of [-2, -100, kept.length, kept.length + 1, BLOCK_BYTES])
    assert.not(kept.has(place), `${place}`)
})

texts('stand in no block whole where their lengths say more than it has', () => {
  const whole = (bytes: Uint8Array, place: number) => ReservationTexts.of(bytes).has(place)
  const of = (length: number, at: number, header: readonly number[]) => {
    const bytes = new Uint8Array(length)
    bytes.set(header, at)
    return bytes
  }
  assert.ok(whole(of(3, 0, [0, 0, 0]), 0))
  assert.ok(whole(of(13, 0, [0, 11, 0]), 0), 'ten bytes of reference, and no more bytes')
  assert.not(whole(of(12, 0, [0, 11, 0]), 0), 'one byte short')
  assert.ok(whole(of(BLOCK_BYTES, BLOCK_BYTES - 3, [0, 0, 0]), BLOCK_BYTES - 3))
  assert.not(
    whole(of(2 * BLOCK_BYTES, BLOCK_BYTES - 2, [0, 0]), BLOCK_BYTES - 2),
    'a length beyond its block',
  )
  assert.not(
    whole(of(2 * BLOCK_BYTES, BLOCK_BYTES - 3, [0, 9, 0]), BLOCK_BYTES - 3),
    'a text beyond its block',
  )
})

texts('are the same in a store that is made of their blocks, however they fill them', () => {
  // The first fills its block to the last byte; the next fill blocks but for some bytes.
  for (const lengths of [[255], new Array<number>(300).fill(250), new Array<number>(1_024).fill(61)]) {
    const kept = new ReservationTexts()
    const places = lengths.map((length) => kept.add(customer(length), undefined))
    const again = ReservationTexts.of(Buffer.concat([...kept.blocks()]))
    assert.is(again.length, kept.length)
    assert.equal(
      places.map((place) => again.customerIdAt(place)?.length),
      lengths,
    )
    const copy = new ReservationTexts()
    for (const place of places)
      assert.equal(copy.customerIdAt(copy.copy(kept, place)), kept.customerIdAt(place))
    assert.is(copy.copy(kept, noTexts), noTexts)
    assert.is(copy.length, kept.length)
  }
})

texts.run()
