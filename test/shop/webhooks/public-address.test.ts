import * as assert from 'uvu/assert'
import { mayBeReached } from '../../../src/shop/webhooks/public-address.ts'
import { suite } from '../../support/suite.ts'

const PUBLIC = [
  '1.1.1.1',
  '8.8.8.8',
  '93.184.216.34',
  '172.15.255.255',
  '172.32.0.1',
  '192.167.0.1',
  '100.63.0.1',
]
const PUBLIC_V6 = ['2606:4700::1111', '2a00:1450:4001:81b::200e', '2620:fe::fe', '::ffff:8.8.8.8']
/** Loopback, private, shared, link-local, documentation, multicast, broadcast; and what carries one of them. */
const CLOSED = [
  '0.0.0.0',
  '0.1.2.3',
  '127.0.0.1',
  '127.255.255.254',
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '100.64.0.1',
  '100.100.100.200',
  '192.0.0.192',
  '192.0.2.1',
  '198.18.0.1',
  '198.51.100.7',
  '203.0.113.9',
  '224.0.0.1',
  '255.255.255.255',
  '::1',
  'fc00::1',
  'fd12:3456::1',
  'ff02::1',
  '::ffff:127.0.0.1',
  '::ffff:10.0.0.1',
  '::ffff:7f00:1',
  '::127.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b::8.8.8.8',
  '64:ff9b:1::1',
  '2001::1',
  '2001:db8::1',
  '2002:7f00:1::',
  '2002:808:808::1',
  '100::1',
  '3fff::1',
  '5f00::1',
]
const METADATA = [
  '169.254.169.254',
  '169.254.170.2',
  '168.63.129.16',
  '::ffff:169.254.169.254',
  'fe80::1',
  'fd00:ec2::254',
  '::',
]
const NONE = [
  '',
  'localhost',
  '1.1.1',
  '01.1.1.1',
  '0x7f000001',
  '2130706433',
  '1.1.1.1%eth0',
  'fe80::1%eth0',
  '1.1.1.1/8',
]

const test = suite('an address that a stranger names')

for (const allowsPrivate of [false, true]) {
  const where = allowsPrivate ? 'with private networks allowed' : 'without'
  test(`is the world’s, ${where}`, () => {
    for (const address of [...PUBLIC, ...PUBLIC_V6])
      assert.ok(mayBeReached(address, { allowsPrivate }), address)
  })

  test(`is never where a cloud keeps its secrets, nor no address at all, ${where}`, () => {
    for (const address of [...METADATA, ...NONE])
      assert.not.ok(mayBeReached(address, { allowsPrivate }), address)
  })
}

test('is one’s own only where that is allowed', () => {
  for (const address of CLOSED) assert.not.ok(mayBeReached(address, { allowsPrivate: false }), address)
  for (const address of ['127.0.0.1', '10.0.0.1', '::1', '192.168.1.1', 'fd12:3456::1']) {
    assert.ok(mayBeReached(address, { allowsPrivate: true }), address)
  }
})

test.run()
