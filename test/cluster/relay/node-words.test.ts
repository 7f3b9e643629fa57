import { serialize } from 'node:v8'
import * as assert from 'uvu/assert'
import { BadFrame, FrameReader, type FromCaller, frameOf } from '../../../src/cluster/relay/node-words.ts'
import { Dice } from '../../support/dice.ts'
import { note, suite } from '../../support/suite.ts'

const words = suite('messages between nodes')
const MAX = 10_000

const calls: FromCaller = {
  type: 'calls',
  channel: 7,
  ageMs: 0.25,
  lastCallId: 12,
  cells: [
    12,
    1,
    'res_…',
    undefined,
    true,
    Number.POSITIVE_INFINITY,
    '\ud800\u0000é',
    { type: 'readStock' } as never,
  ],
}

words('arrive as they were, however the network cuts them up', () => {
  const messages = [
    calls,
    { type: 'close', channel: 1 } as const,
    { type: 'ping', number: 3 } as const,
    calls,
  ]
  const bytes = Buffer.concat(messages.map((message) => frameOf(message)))
  for (let size = 1; size <= bytes.length; size++) {
    const reader = new FrameReader()
    const read: unknown[] = []
    for (let at = 0; at < bytes.length; at += size) {
      // As sockets do, each piece in memory of its own.
      const piece = Buffer.from(bytes.subarray(at, at + size))
      reader.read(
        piece,
        () => MAX,
        (message) => void read.push(message),
      )
    }
    assert.equal(read, messages, `in pieces of ${size} bytes`)
  }
})

words('that are too long are not waited for', () => {
  const header = Buffer.alloc(4)
  header.writeUInt32LE(MAX + 1)
  assert.throws(
    () =>
      new FrameReader().read(
        header,
        () => MAX,
        () => {},
      ),
    isBad,
  )
})

words('may be long only once it is known who says them', () => {
  let max = 100
  const read: unknown[] = []
  const bytes = Buffer.concat([frameOf({ type: 'ping', number: 1 }), frameOf(calls)])
  new FrameReader().read(
    bytes,
    () => max,
    (message) => {
      read.push(message)
      max = MAX
    },
  )
  assert.is(read.length, 2)
  assert.throws(
    () =>
      new FrameReader().read(
        bytes,
        () => 100,
        () => {},
      ),
    isBad,
  )
})

words('that are none are refused, whatever the bytes', () => {
  const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
  note(`TEST_SEED=${seed}`)
  const dice = new Dice(seed)
  const reader = () => new FrameReader()
  for (let round = 0; round < 2_000; round++) {
    const whole = frameOf(calls)
    const bytes = Buffer.from(whole)
    const at = dice.between(4, bytes.length - 1)
    bytes[at] = dice.between(0, 255)
    const read: unknown[] = []
    try {
      reader().read(
        bytes,
        () => MAX,
        (message) => void read.push(message),
      )
    } catch (error) {
      assert.ok(isBad(error), String(error))
      continue
    }
    assert.ok(read.every((message) => typeof message === 'object' && message !== null && 'type' in message))
  }
  for (const value of [1, 'text', null, undefined, [], {}]) {
    const body = serialize(value)
    const header = Buffer.alloc(4)
    header.writeUInt32LE(body.length)
    assert.throws(
      () =>
        reader().read(
          Buffer.concat([header, body]),
          () => MAX,
          () => {},
        ),
      isBad,
    )
  }
})

words.run()

function isBad(error: unknown): boolean {
  return error instanceof BadFrame
}
