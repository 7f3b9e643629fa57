import * as assert from 'uvu/assert'
import { isLoopback, nameOf, parseRedisUrl, type RedisAccess } from '../src/redis-url.ts'
import { suite } from './support/suite.ts'

const test = suite('REDIS_URL')

function accessOf(text: string): RedisAccess {
  const result = parseRedisUrl(text)
  if (result.type === 'invalid') throw new Error(result.expected)
  return result.access
}

test('names one Redis', () => {
  assert.equal(accessOf('redis://db'), {
    seeds: [{ host: 'db', port: 6_379 }],
    tls: false,
    username: undefined,
    password: undefined,
  })
  assert.equal(accessOf('rediss://shop:p%40ss%2Cword@[fd00::1]:7000/0'), {
    seeds: [{ host: 'fd00::1', port: 7_000 }],
    tls: true,
    username: 'shop',
    password: 'p@ss,word',
  })
  assert.is(accessOf('redis://:secret@db').password, 'secret')
})

test('or several nodes of one, with one user and password', () => {
  const { seeds, password } = accessOf('redis://:x@a:1, redis://:x@b:2,redis://:x@c')
  assert.equal(seeds.map(nameOf), ['a:1', 'b:2', 'c:6379'])
  assert.is(password, 'x')
})

test('is refused with what was expected, and nothing of what was received', () => {
  for (const text of [
    '',
    'db:6379',
    'http://db',
    'redis://',
    'redis://db:99999',
    'redis://db/1',
    'redis://db/x',
    'redis://db?hunter2',
    'redis://db#hunter2',
    'redis://u:%hunter2@db',
    'redis://db,',
    'redis://db,redis://db',
    'redis://a,rediss://b',
    'redis://:hunter2@a,redis://:hunter3@b',
    'redis://u:x@a,redis://v:x@b',
    Array.from({ length: 33 }, (_, index) => `redis://n${index}`).join(),
  ]) {
    const result = parseRedisUrl(text)
    assert.is(result.type, 'invalid', text)
    assert.not.match(JSON.stringify(result), 'hunter')
  }
})

test('on this machine or on another', () => {
  for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '::1']) assert.ok(isLoopback(host), host)
  for (const host of ['127.evil.example', 'localhost.example', '10.0.0.1', '::2'])
    assert.not(isLoopback(host), host)
})

test.run()
