import * as assert from 'uvu/assert'
import { explain } from '../../src/config/explain.ts'
import { type ConfigResult, readConfig } from '../../src/config.ts'
import { suite } from '../support/suite.ts'

const test = suite('the settings of events')

function read(environment: Readonly<Record<string, string>>, files: Readonly<Record<string, string>> = {}) {
  return readConfig(environment, {
    cores: 2,
    memoryBytes: 8 * 1_024 ** 3,
    readFile: (path) => {
      const text = files[path]
      if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
      return text
    },
  })
}

function eventsOf(result: ConfigResult) {
  if (result.type === 'invalid') throw new Error(explain(result.problems))
  return result.config.events
}

function wrongOf(result: ConfigResult): readonly string[] {
  return result.type === 'valid' ? [] : result.problems.map(({ variable }) => variable)
}

test('without a broker nobody is told', () => {
  assert.equal(eventsOf(read({})), { type: 'none' })
  const alone = read({ EVENTS_LENGTH_MAX: '5000', EVENTS_SOURCE: '/shop' })
  assert.equal(eventsOf(alone), { type: 'none' })
  assert.match(alone.warnings.join('\n'), 'EVENTS_SOURCE, EVENTS_LENGTH_MAX without EVENTS_URL')
})

test('a Redis and a stream, in the environment or in a file', () => {
  const access = {
    seeds: [{ host: '127.0.0.1', port: 6_379 }],
    tls: false,
    username: undefined,
    password: undefined,
  }
  const plain = { type: 'redis', access, stream: 'shop:events', lengthMax: undefined, source: '/holdfast' }
  assert.equal(eventsOf(read({ EVENTS_URL: 'redis://127.0.0.1/shop:events' })), plain)
  const files = { '/run/url': 'rediss://ann:p%40ss@[fd00::1]:7000,redis-2/events\n' }
  const from = {
    EVENTS_URL_FILE: '/run/url',
    EVENTS_SOURCE: 'https://shop.example/',
    EVENTS_LENGTH_MAX: '1000',
  }
  assert.equal(eventsOf(read(from, files)), {
    type: 'redis',
    access: {
      seeds: [
        { host: 'fd00::1', port: 7_000 },
        { host: 'redis-2', port: 6_379 },
      ],
      tls: true,
      username: 'ann',
      password: 'p@ss',
    },
    stream: 'events',
    lengthMax: 1_000,
    source: 'https://shop.example',
  })
})

test('Kafka and a topic, with the way in that its users have', () => {
  const config = eventsOf(
    read({ EVENTS_URL: 'kafkas://ann:secret@kafka-1,kafka-2:9093/shop.events?sasl=plain' }),
  )
  assert.equal(config, {
    type: 'kafka',
    access: {
      seeds: [
        { host: 'kafka-1', port: 9_092 },
        { host: 'kafka-2', port: 9_093 },
      ],
      tls: true,
      username: 'ann',
      password: 'secret',
    },
    topic: 'shop.events',
    mechanism: 'plain',
    source: '/holdfast',
  })
  const plain = eventsOf(read({ EVENTS_URL: 'kafka://localhost/events' }))
  assert.is(plain.type === 'kafka' && plain.mechanism, 'scram-sha-512')
  const kept = read({ EVENTS_URL: 'kafka://localhost/events', EVENTS_LENGTH_MAX: '5000' })
  assert.match(kept.warnings.join('\n'), 'EVENTS_LENGTH_MAX is for a Redis stream')
})

test('what is no broker is refused, and nothing of it is shown', () => {
  for (const EVENTS_URL of [
    'localhost:6379/hunter2',
    'amqp://ann:hunter2@broker/events',
    'redis://ann:hunter2@broker',
    'redis://ann:hunter2@broker/',
    'redis://ann:hunter2@broker/{events}',
    'redis://ann:hunter2@broker/a/b',
    'redis://ann:hunter2@broker,broker/events',
    'redis://ann:hunter2@broker:0/events',
    'redis://ann:hunter2@broker:99999/events',
    'redis://ann:hunter2@broker/events?sasl=plain',
    'redis://ann:%zzhunter2@broker/events',
    'kafka://ann:hunter2@broker/shop:events',
    'kafka://ann:hunter2@broker/..',
    'kafka://hunter2@broker/events',
    'kafka://ann:hunter2@broker/events?sasl=gssapi',
    `redis://ann:hunter2@${Array.from({ length: 40 }, (_, i) => `node-${i}`).join()}/events`,
  ]) {
    const result = read({ EVENTS_URL })
    assert.equal(wrongOf(result), ['EVENTS_URL'], EVENTS_URL)
    assert.not.match(result.type === 'invalid' ? explain(result.problems) : '', 'hunter2')
  }
})

test('in production a broker elsewhere is reached with TLS and a password', () => {
  const production = { NODE_ENV: 'production', ADMIN_KEY: 'kD93hxW0qLz71VbnRcT52yPfGs84mJuE' }
  const wrong = (EVENTS_URL: string) => wrongOf(read({ ...production, EVENTS_URL }))
  assert.equal(wrong('redis://10.0.0.5/events'), ['EVENTS_URL'])
  assert.equal(wrong('rediss://10.0.0.5/events'), ['EVENTS_URL'])
  assert.equal(wrong('kafka://ann:secret@10.0.0.5/events'), ['EVENTS_URL'])
  assert.equal(wrong('kafkas://ann:secret@10.0.0.5/events'), [])
  assert.equal(wrong('kafka://127.0.0.1/events'), [])
})

test.run()
