/** Which nodes a node has to reach, and where. */
import * as assert from 'uvu/assert'
import { addressText, nodesToMeet } from '../../src/cluster/node-addresses.ts'
import { suite } from '../support/suite.ts'

const member = (id: string, port: number) => ({ id, address: addressText('::1', port) })
const owner = (nodeId: string, port: number) => ({ nodeId, address: addressText('10.0.0.1', port) })
const members = [member('a', 1), member('b', 2), member('c', 3), member('d', 4)]

const test = suite('a node reaches')

test('whoever serves a shard or keeps a history, and not itself', () => {
  const owners = [owner('a', 1), owner('b', 2), owner('b', 2)]
  const met = (self: string, historyKeepers: string[]) =>
    nodesToMeet(self, { owners, members, historyKeepers })
      .map(({ nodeId }) => nodeId)
      .toSorted()
  assert.equal(met('a', ['a', 'b']), ['b'])
  assert.equal(met('a', ['b', 'c']), ['b', 'c'], 'c serves nothing, and keeps a history')
  assert.equal(met('c', ['b', 'c']), ['a', 'b'])
  assert.equal(met('d', ['c', 'gone']), ['a', 'b', 'c'], 'nobody knows where the other one is')
})

test('them where they say that they are', () => {
  const known = { owners: [owner('b', 7_000)], members, historyKeepers: ['c'] }
  assert.equal(nodesToMeet('a', known), [
    { nodeId: 'c', host: '::1', port: 3 },
    { nodeId: 'b', host: '10.0.0.1', port: 7_000 },
  ])
})

test.run()
