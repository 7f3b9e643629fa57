import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import * as assert from 'uvu/assert'
import { freePorts } from '../../../src/cli/local-cluster/free-ports.ts'
import { suite } from '../../support/suite.ts'

const test = suite('free ports')
/** Linux says there which ports it hands out itself. */
const HANDED_OUT = '/proc/sys/net/ipv4/ip_local_port_range'

test('are different, and none that the system gives to a connection', async () => {
  const ports = await freePorts(200)
  assert.is(new Set(ports).size, 200)
  const [from = 32_768] = existsSync(HANDED_OUT)
    ? readFileSync(HANDED_OUT, 'utf8').split('\t').map(Number)
    : []
  // A machine that hands out nearly all of them leaves nothing to choose.
  const past = from > 10_000 ? from : 32_768
  assert.equal(
    ports.filter((port) => port < 1_024 || port >= past),
    [],
  )
})

test('are drawn again where somebody listens', async () => {
  const fractions = [0.5, 0.5, 0.25]
  const [taken] = (await freePorts(1, { fraction: () => 0.5 })) as [number]
  await using listener = createServer().listen(taken, '127.0.0.1')
  const [port] = await freePorts(1, { fraction: () => fractions.shift() ?? 0 })
  assert.is.not(port, taken)
  assert.equal(fractions, [])
  assert.ok(listener.listening)
})

test.run()
