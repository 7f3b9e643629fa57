import * as assert from 'uvu/assert'
import { mergeViews, primaryOfSlot } from '../../../src/persistence/redis/cluster-view.ts'
import { suite } from '../../support/suite.ts'

const ASKED = { host: 'seed', port: 7_000 }
const test = suite('who serves which slot')

function merge(...texts: readonly string[]) {
  return mergeViews(
    texts.map((text) => ({ asked: ASKED, text })),
    false,
  )
}

test('is read from what a node says, ranges, single slots and slots under way', () => {
  const [first, second] = merge(
    [
      'aa 10.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-5460 9000 [77->-bb]',
      'bb 10.0.0.2:7000@17000 master - 0 0 2 connected 5461-8999 9001-16383',
      'cc 10.0.0.3:7001@17001,cc.example slave,fail aa 0 0 1 disconnected',
      'dd :0@0 master,noaddr - 0 0 0 disconnected',
      'ee 10.0.0.9:7001@17001 handshake - 0 0 0 disconnected',
    ].join('\n'),
  ).toSorted((a, b) => a.epoch - b.epoch)
  assert.equal(first, {
    id: 'aa',
    address: { host: '10.0.0.1', port: 7_000 },
    epoch: 1,
    isFailed: false,
    slots: [
      [0, 5_460],
      [9_000, 9_000],
    ],
    replicas: [{ id: 'cc', address: { host: '10.0.0.3', port: 7_001 }, isFailed: true }],
  })
  assert.is(second?.slots.length, 2)
})

test('of two claims the newer holds, whoever was asked first', () => {
  const cutOff = 'aa a:1@2 myself,master - 0 0 1 connected 0-16383\nbb b:1@2 slave aa 0 0 1 connected'
  const others = 'bb b:1@2 myself,master - 0 0 7 connected 0-16383\naa a:1@2 master,fail - 0 0 1 disconnected'
  for (const texts of [
    [cutOff, others],
    [others, cutOff],
  ]) {
    const merged = merge(...texts)
    assert.is(merged.length, 1)
    assert.is(primaryOfSlot(merged, 5)?.id, 'bb')
  }
})

test('of one claim that is newer for a part of the slots, the rest stays', () => {
  const merged = merge('aa a:1@2 master - 0 0 1 connected 0-100\nbb b:1@2 master - 0 0 2 connected 40-60')
  assert.is(primaryOfSlot(merged, 50)?.id, 'bb')
  assert.is(primaryOfSlot(merged, 39)?.id, 'aa')
  assert.is(primaryOfSlot(merged, 61)?.id, 'aa')
  assert.is(primaryOfSlot(merged, 101), undefined)
})

test('a node that does not know its own address has the one it was asked at', () => {
  assert.equal(merge('aa :7000@17000 myself,master - 0 0 1 connected 0-16383')[0]?.address, ASKED)
})

test('with TLS the announced name counts, which its certificate names', () => {
  const text = 'aa 10.0.0.1:7000@17000,aa.example myself,master - 0 0 1 connected 0-16383'
  assert.is(mergeViews([{ asked: ASKED, text }], true)[0]?.address.host, 'aa.example')
  assert.is(mergeViews([{ asked: ASKED, text }], false)[0]?.address.host, '10.0.0.1')
})

test.run()
