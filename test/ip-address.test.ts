import { isIP } from 'node:net'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { clientOf, contains, type IpAddress, parseIp, parseNetwork } from '../src/ip-address.ts'
import { suite } from './support/suite.ts'

function ip(text: string): IpAddress {
  const address = parseIp(text)
  if (address === undefined) throw new Error(`${text} is no address`)
  return address
}

/** Whether the network, as text, has the address. */
function has(network: string, address: string): boolean {
  const parsed = parseNetwork(network)
  if (parsed === undefined) throw new Error(`${network} is no network`)
  return contains(parsed, ip(address))
}

const parsing = suite('an address')

parsing('is the same number in whichever way it is written', () => {
  assert.equal(ip('0.0.0.0'), [0, 0, 0xffff, 0])
  assert.equal(ip('203.0.113.255'), [0, 0, 0xffff, 0xcb0071ff | 0])
  assert.equal(ip('::'), [0, 0, 0, 0])
  assert.equal(ip('::1'), [0, 0, 0, 1])
  for (const text of [
    '2001:db8::8:800:200c:417a',
    '2001:0DB8:0:0:8:0800:200C:417A',
    '2001:db8:0::8:800:200c:417a',
  ]) {
    assert.equal(ip(text), [0x20010db8, 0, 0x00080800, 0x200c417a], text)
  }
  for (const text of ['::ffff:203.0.113.9', '::FFFF:cb00:7109', '0:0:0:0:0:ffff:203.0.113.9']) {
    assert.equal(ip(text), ip('203.0.113.9'), text)
  }
  assert.equal(ip('fe80::1%eth0'), ip('fe80::1'))
})

parsing('in text is what Node takes for one, and nothing else', () => {
  const part = fc.oneof(
    fc.constantFrom(
      '',
      '0',
      '1',
      '01',
      '255',
      '256',
      'ffff',
      '10000',
      'g',
      '1.2.3.4',
      '1.2.3',
      ' ',
      '%',
      '-1',
      '१',
    ),
    fc.nat(300).map(String),
    fc.nat(0x1_0100).map((n) => n.toString(16)),
  )
  const glue = fc.constantFrom('.', '.', ':', ':', '::', '')
  const texts = fc.array(fc.tuple(part, glue), { minLength: 1, maxLength: 9 })
  const either = fc.oneof(
    texts.map((list) => list.flat().join('')),
    texts.map((list) => list.flat().slice(0, -1).join('')),
    fc.ipV4(),
    fc.ipV6(),
  )
  fc.assert(
    fc.property(either, (text) => {
      assert.is(parseIp(text) !== undefined, isIP(text) !== 0, JSON.stringify(text))
    }),
    { numRuns: 20_000 },
  )
})

parsing('of IPv6 has the value that a URL’s parser gives it', () => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      assert.equal(parseIp(text), ip(new URL(`http://[${text}]/`).hostname.slice(1, -1)))
    }),
    { numRuns: 2_000 },
  )
})

parsing.run()

const networks = suite('a network')

networks('has the addresses that begin as it does', () => {
  assert.ok(has('10.0.0.0/8', '10.255.255.255'))
  assert.not(has('10.0.0.0/8', '11.0.0.0'))
  assert.ok(has('10.1.2.3/8', '10.200.0.1'), 'what is behind the prefix does not count')
  assert.ok(has('172.16.0.0/12', '172.31.255.255'))
  assert.not(has('172.16.0.0/12', '172.32.0.0'))
  assert.ok(has('192.0.2.7', '192.0.2.7'))
  assert.not(has('192.0.2.7', '192.0.2.6'))
  assert.ok(has('2001:db8::/33', '2001:db8:7fff::1'))
  assert.not(has('2001:db8::/33', '2001:db8:8000::1'))
  assert.ok(has('::1', '::1'))
})

networks('of IPv4 has mapped addresses, and none of IPv6', () => {
  assert.ok(has('10.0.0.0/8', '::ffff:10.1.1.1'))
  assert.ok(has('::ffff:10.0.0.0/104', '10.1.1.1'))
  assert.ok(has('0.0.0.0/0', '203.0.113.9'))
  assert.not(has('0.0.0.0/0', '2001:db8::1'))
  assert.ok(has('::/0', '2001:db8::1'))
})

networks('is nothing else than that', () => {
  for (const text of [
    '',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '::/129',
    '10/8',
    'fe80::%e/64',
    '/8',
    '::1/01',
    'x',
  ])
    assert.is(parseNetwork(text), undefined, text)
})

networks.run()

const clients = suite('what counts as one client')

clients('is an IPv4 address, mapped or not', () => {
  assert.is(clientOf(ip('203.0.113.9')), '203.0.113.9')
  assert.is(clientOf(ip('::ffff:203.0.113.9')), '203.0.113.9')
  assert.is(clientOf(ip('255.255.255.255')), '255.255.255.255')
})

clients('is a whole /64 of IPv6', () => {
  assert.is(clientOf(ip('2001:db8:0:7::1')), '2001:db8:0:7::/64')
  assert.is(clientOf(ip('2001:db8:0:7:ffff:ffff:ffff:ffff')), '2001:db8:0:7::/64')
  assert.is(clientOf(ip('2001:db8:0:8::1')), '2001:db8:0:8::/64')
})

clients.run()
