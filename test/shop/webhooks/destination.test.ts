import * as assert from 'uvu/assert'
import { resolveDestination, urlTroubleIn } from '../../../src/shop/webhooks/destination.ts'
import { openResolver } from '../../../src/shop/webhooks/resolver.ts'
import { suite } from '../../support/suite.ts'

const STRICT = { allowsHttp: false, allowsPrivate: false }
const LOOSE = { allowsHttp: true, allowsPrivate: true }

const test = suite('where a webhook may go')

test('is an https URL of a public host, on a port that no old service listens on', () => {
  for (const url of [
    'https://example.com/hooks',
    'https://example.com:443/',
    'https://example.com:80/',
    'https://example.com:8443/a?b=c',
    'https://1.1.1.1/',
    'https://[2606:4700::1111]/',
    'https://пример.испытание/',
  ]) {
    assert.is(urlTroubleIn(url, STRICT), undefined, url)
  }
})

test('is nothing else, however it is written', () => {
  const cases = [
    ['', 'not-a-url'],
    ['/hooks', 'not-a-url'],
    ['//example.com', 'not-a-url'],
    [`https://example.com/${'x'.repeat(2_048)}`, 'not-a-url'],
    ['http://example.com/', 'not-https'],
    ['file:///etc/passwd', 'not-https'],
    ['gopher://example.com/', 'not-https'],
    ['javascript:alert(1)', 'not-https'],
    ['https://user@example.com/', 'has-credentials'],
    ['https://:pass@example.com/', 'has-credentials'],
    ['https://example.com@127.0.0.1/', 'has-credentials'],
    ['https://example.com/#x', 'has-fragment'],
    ['https://example.com/#', 'has-fragment'],
    ['https://example.com:22/', 'bad-port'],
    ['https://example.com:25/', 'bad-port'],
    ['https://example.com:0/', 'bad-port'],
    ['https://127.0.0.1/', 'private-address'],
    ['https://127.1/', 'private-address'],
    ['https://2130706433/', 'private-address'],
    ['https://0x7f000001/', 'private-address'],
    ['https://0177.0.0.1/', 'private-address'],
    ['https://①②⑦.0.0.1/', 'private-address'],
    ['https://0/', 'private-address'],
    ['https://[::1]/', 'private-address'],
    ['https://[::ffff:127.0.0.1]/', 'private-address'],
    ['https://[64:ff9b::7f00:1]/', 'private-address'],
    ['https://169.254.169.254/latest/meta-data/', 'private-address'],
    ['https://[fd00:ec2::254]/', 'private-address'],
  ] as const
  for (const [url, trouble] of cases) assert.is(urlTroubleIn(url, STRICT), trouble, url)
})

test('may be in one’s own network where that is allowed, and even then no cloud’s secrets', () => {
  for (const url of ['http://localhost:4000/', 'http://127.0.0.1:4000/', 'https://10.1.2.3/']) {
    assert.is(urlTroubleIn(url, LOOSE), undefined, url)
  }
  assert.is(urlTroubleIn('http://169.254.169.254/', LOOSE), 'private-address')
  assert.is(urlTroubleIn('http://127.0.0.1:22/', LOOSE), 'bad-port')
})

test('is the first of its addresses, if all of them are public', async () => {
  const resolved = await resolveDestination('https://shop.example/', STRICT, async () => [
    '1.1.1.1',
    '2606:4700::1',
  ])
  assert.equal(resolved.type === 'resolved' && [resolved.destination.address, resolved.destination.family], [
    '1.1.1.1',
    4,
  ])
  const cases = [
    [['127.0.0.1'], 'private-address'],
    [['1.1.1.1', '10.0.0.1'], 'private-address'],
    [['2606:4700::1', '::1'], 'private-address'],
    [['1.1.1.1', '169.254.169.254'], 'private-address'],
    [[], 'unknown-host'],
  ] as const
  for (const [addresses, why] of cases) {
    const refused = await resolveDestination('https://shop.example/', STRICT, async () => addresses)
    assert.equal(refused, { type: 'refused', why }, addresses.join())
  }
})

test('is asked for once: who answers otherwise the second time is not asked (rebinding)', async () => {
  let asked = 0
  const rebinding = async () => [asked++ === 0 ? '1.1.1.1' : '127.0.0.1']
  const resolved = await resolveDestination('https://shop.example/', STRICT, rebinding)
  assert.is(resolved.type === 'resolved' && resolved.destination.address, '1.1.1.1')
  assert.is(asked, 1)
})

test('is looked at anew each time: what was accepted under a looser policy is refused under a stricter', async () => {
  const refused = await resolveDestination('http://127.0.0.1:4000/', STRICT, async () => ['127.0.0.1'])
  assert.equal(refused, { type: 'refused', why: 'not-https' })
})

test('is nowhere where the name has no address', async () => {
  const failing = async () => {
    throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
  }
  const refused = await resolveDestination('https://shop.example/', STRICT, failing)
  assert.equal(refused, { type: 'refused', why: 'unknown-host' })
})

test('the system is asked where private networks are allowed', async () => {
  const addresses = await openResolver({ allowsPrivate: true })('localhost')
  assert.ok(addresses.includes('127.0.0.1') || addresses.includes('::1'), addresses.join())
})

test.run()
