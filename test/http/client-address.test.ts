/** FAULTS.md, attack 31: who is believed about where a request comes from. */
import * as assert from 'uvu/assert'
import { type Arrival, addressOf } from '../../src/http/client-address.ts'
import { clientOf, type Network, parseNetwork } from '../../src/ip-address.ts'
import { suite } from '../support/suite.ts'

const PROXY = '10.0.0.7'
const TRUSTED = ['10.0.0.0/8', 'fd00::/8'].map((text) => parseNetwork(text) as Network)

/** The client that a request counts for. */
function clientBehind(fields: Partial<Arrival>, trusted: readonly Network[] = TRUSTED): string | undefined {
  const address = addressOf(
    { peer: PROXY, xForwardedFor: undefined, forwarded: undefined, ...fields },
    trusted,
  )
  return address === undefined ? undefined : clientOf(address)
}

const direct = suite('who comes directly')

direct('counts by the other end of the socket', () => {
  assert.is(clientBehind({ peer: '203.0.113.9' }), '203.0.113.9')
  assert.is(clientBehind({ peer: '::ffff:203.0.113.9' }), '203.0.113.9')
  assert.is(clientBehind({ peer: '2001:db8::1' }), '2001:db8:0:0::/64')
  assert.is(clientBehind({ peer: 'fe80::1%eth0' }), 'fe80:0:0:0::/64')
})

direct('is not believed a word about others', () => {
  const spoofed = { xForwardedFor: '198.51.100.1', forwarded: 'for=198.51.100.1' }
  assert.is(clientBehind({ peer: '203.0.113.9', ...spoofed }), '203.0.113.9')
  assert.is(clientBehind({ peer: PROXY, ...spoofed }, []), PROXY, 'nobody is, unless it is set')
})

direct('and has gone counts for nobody', () => {
  assert.is(clientBehind({ peer: undefined, xForwardedFor: '203.0.113.9' }), undefined)
})

direct.run()

/** Each, whether it stands in `X-Forwarded-For` or, put differently, in `Forwarded`. */
const SAID: readonly (readonly [what: string, xForwardedFor: string, forwarded: string, client: string])[] = [
  ['one hop', '203.0.113.9', 'for=203.0.113.9', '203.0.113.9'],
  [
    'what the client wrote, and then itself',
    '1.1.1.1, 203.0.113.9',
    'for=1.1.1.1, for=203.0.113.9',
    '203.0.113.9',
  ],
  [
    'another trusted hop',
    '1.1.1.1, 203.0.113.9, 10.9.9.9',
    'for=1.1.1.1,for=203.0.113.9,for=10.9.9.9',
    '203.0.113.9',
  ],
  ['trusted hops only', '10.1.1.1, 10.2.2.2', 'for=10.1.1.1, for=10.2.2.2', '10.1.1.1'],
  ['a port', '203.0.113.9:4711', 'for="203.0.113.9:4711"', '203.0.113.9'],
  ['IPv6', '2001:db8::1', 'for="[2001:db8::1]"', '2001:db8:0:0::/64'],
  ['IPv6 with a port', '[2001:db8::1]:4711', 'for="[2001:db8::1]:4711"', '2001:db8:0:0::/64'],
  ['a mapped address', '::ffff:203.0.113.9', 'for="[::ffff:203.0.113.9]"', '203.0.113.9'],
  [
    'a mapped trusted hop',
    '203.0.113.9, ::ffff:10.1.1.1',
    'for=203.0.113.9, for="[::ffff:10.1.1.1]"',
    '203.0.113.9',
  ],
  ['a trusted hop of IPv6', '203.0.113.9, fd12::1', 'for=203.0.113.9, for="[fd12::1]"', '203.0.113.9'],
  ['no address', 'unknown', 'for=unknown', PROXY],
  ['no address behind an address', '203.0.113.9, unknown', 'for=203.0.113.9, for=_hidden', PROXY],
  ['no address beyond a trusted hop', 'x, 10.1.1.1', 'for=x, for=10.1.1.1', '10.1.1.1'],
  ['nothing', '', '', PROXY],
  ['nothing at the end', '203.0.113.9,', 'for=203.0.113.9,by=10.0.0.7', PROXY],
]

const proxied = suite('who comes through a trusted proxy')

for (const [what, xForwardedFor, forwarded, client] of SAID) {
  proxied(`that says ${what} counts as ${client}`, () => {
    assert.is(clientBehind({ xForwardedFor }), client)
    assert.is(clientBehind({ forwarded }), client)
    assert.is(clientBehind({ xForwardedFor, forwarded }), client)
  })
}

proxied('that says nothing counts as the proxy', () => {
  assert.is(clientBehind({}), PROXY)
})

proxied('that passes on one field of the client’s own counts as the proxy, whichever field that is', () => {
  assert.is(clientBehind({ xForwardedFor: '203.0.113.9', forwarded: 'for=1.1.1.1' }), PROXY)
  assert.is(clientBehind({ xForwardedFor: '1.1.1.1', forwarded: 'for=203.0.113.9' }), PROXY)
})

proxied('is found among all that RFC 7239 allows', () => {
  for (const forwarded of [
    'For=203.0.113.9;proto=https;by=10.0.0.7',
    'by=10.0.0.7; FOR="203.0.113.9" ;host="a,for=1.1.1.1"',
    'for=1.1.1.1;secret="\\",for=2.2.2.2;x=\\"",for="203\\.0.113.9"',
    'proto=http,  for=203.0.113.9:80',
  ]) {
    assert.is(clientBehind({ forwarded }), '203.0.113.9', forwarded)
  }
})

proxied('whose field is malformed counts as the proxy: an open quote could hide what was added', () => {
  for (const forwarded of [
    'for="1.1.1.1, for=203.0.113.9',
    'for=1.1.1.1 for=203.0.113.9',
    'for',
    '=',
    'for=[::1]',
    'for=é',
  ]) {
    assert.is(clientBehind({ forwarded }), PROXY, forwarded)
  }
})

proxied('is found as quickly in fields made to be slow', () => {
  const startedAt = process.hrtime.bigint()
  for (const part of [
    ' ',
    ',',
    ';',
    '"',
    '\\"',
    'for=',
    'for=1.1.1.1,',
    '10.0.0.1,',
    '[',
    ':',
    '1',
    'a=" ,',
  ]) {
    const long = part.repeat(16_000 / part.length)
    for (const text of [long, `${long}x`, `x${long}`, `for="${long}`]) {
      clientBehind({ xForwardedFor: text, forwarded: text })
    }
  }
  const elapsedMs = Number(process.hrtime.bigint() - startedAt) / 1e6
  assert.ok(elapsedMs < 1_000, `48 requests took ${elapsedMs} ms`)
})

proxied.run()
