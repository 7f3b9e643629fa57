import { setTimeout as pause } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { NodeListener } from '../../../src/cluster/relay/node-listener.ts'
import { type NodeLinkToOwner, PeerDialler } from '../../../src/cluster/relay/peer-dialler.ts'
import { realClock, realTimers } from '../../../src/seams.ts'
import { suite } from '../../support/suite.ts'
import { until } from '../../support/until.ts'

const KEY = Buffer.alloc(32, 7)
const SEAMS = { key: KEY, clock: realClock, timers: realTimers, log: () => {} }

const test = suite('a node that is dialled')

for (const [name, end] of [
  ['on this side', (up: NodeLinkToOwner) => up.end('it fell silent')],
  [
    'on the other side',
    (_: NodeLinkToOwner, callers: { end(why: string): void }[]) => callers.at(-1)?.end('x'),
  ],
] as const) {
  test(`is dialled once for each time that the connection ends ${name}`, async () => {
    const callers: { end(why: string): void }[] = []
    const listener = new NodeListener({
      ...SEAMS,
      nodeId: 'there',
      onCaller: (link) => {
        callers.push(link)
        return { hear: () => {}, goOn: () => {}, end: () => {} }
      },
    })
    const port = await listener.listen('127.0.0.1', 0)
    const ups: NodeLinkToOwner[] = []
    const dialler = new PeerDialler(
      { nodeId: 'there', host: '127.0.0.1', port },
      {
        ...SEAMS,
        nodeId: 'here',
        onUp: (link) => {
          ups.push(link)
          return () => {}
        },
        onLost: () => {},
      },
    )
    try {
      for (let times = 1; times <= 4; times++) {
        await until(() => ups.length >= times, 'the connection')
        await pause(250)
        assert.is(ups.length, times)
        assert.is(listener.callers, 1)
        end(ups.at(-1) as NodeLinkToOwner, callers)
      }
    } finally {
      dialler.close()
      listener.close()
    }
  })
}

test.run()
