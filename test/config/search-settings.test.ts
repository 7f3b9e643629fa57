import * as assert from 'uvu/assert'
import { explain } from '../../src/config/explain.ts'
import { type ConfigResult, readConfig } from '../../src/config.ts'
import { suite } from '../support/suite.ts'

const URL_SET = { TYPESENSE_URL: 'http://10.0.0.5:8108' }
const KEY = 'xyz-Zk3v9QpX7sTbN2mL'

const test = suite('the settings of search')

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

function searchOf(result: ConfigResult) {
  if (result.type === 'invalid') throw new Error(explain(result.problems))
  return result.config.search
}

function wrongOf(result: ConfigResult): readonly string[] {
  return result.type === 'valid' ? [] : result.problems.map(({ variable }) => variable)
}

test('without a server products are searched within the process', () => {
  assert.equal(searchOf(read({})), { index: 'embedded' })
  const alone = read({ TYPESENSE_API_KEY: KEY })
  assert.equal(searchOf(alone), { index: 'embedded' })
  assert.match(alone.warnings.join('\n'), 'TYPESENSE_URL is not')
  assert.not.match(alone.warnings.join('\n'), KEY)
})

test('one server, or several nodes of one', () => {
  const one = { index: 'typesense', urls: ['http://10.0.0.5:8108'], apiKey: KEY }
  assert.equal(searchOf(read({ ...URL_SET, TYPESENSE_API_KEY: KEY })), one)
  const files = { '/run/key': `${KEY}\n` }
  assert.equal(searchOf(read({ ...URL_SET, TYPESENSE_API_KEY_FILE: '/run/key' }, files)), one)
  const TYPESENSE_URL = 'https://a.example/, http://[::1]:8108,https://b.example/typesense'
  const several = searchOf(read({ TYPESENSE_URL, TYPESENSE_API_KEY: KEY }))
  const urls = ['https://a.example', 'http://[::1]:8108', 'https://b.example/typesense']
  assert.equal(several, { index: 'typesense', urls, apiKey: KEY })
})

test('a server needs its key, and a start without names both', () => {
  const result = read(URL_SET)
  assert.equal(wrongOf(result), ['TYPESENSE_API_KEY'])
  assert.match(result.type === 'invalid' ? explain(result.problems) : '', 'set where TYPESENSE_URL is set')
  assert.equal(wrongOf(read({ ...URL_SET, TYPESENSE_API_KEY_FILE: '/none' })), ['TYPESENSE_API_KEY_FILE'])
  const both = { ...URL_SET, TYPESENSE_API_KEY: KEY, TYPESENSE_API_KEY_FILE: '/run/key' }
  assert.equal(wrongOf(read(both, { '/run/key': KEY })), ['TYPESENSE_API_KEY'])
})

test('what is no server is refused, and neither it nor a key is shown', () => {
  for (const TYPESENSE_URL of [
    'localhost:8108',
    'redis://db:6379',
    'http://user:hunter2@db:8108',
    'http://db:8108?key=hunter2',
    'http://db:8108#hunter2',
    'http://a,,http://b',
    'http://a,http://a/',
    Array.from({ length: 20 }, (_, i) => `http://node-${i}`).join(),
  ]) {
    const result = read({ TYPESENSE_URL, TYPESENSE_API_KEY: KEY })
    assert.equal(wrongOf(result), ['TYPESENSE_URL'], TYPESENSE_URL)
    assert.not.match(result.type === 'invalid' ? explain(result.problems) : '', 'hunter2')
  }
  for (const key of [`${KEY} hunter2`, 'clé-hunter2']) {
    const result = read({ ...URL_SET, TYPESENSE_API_KEY: key })
    assert.equal(wrongOf(result), ['TYPESENSE_API_KEY'])
    assert.not.match(result.type === 'invalid' ? explain(result.problems) : '', 'hunter2')
  }
})

test('a slip of the hand is told', () => {
  assert.match(read({ TYPSENSE_URL: 'http://a' }).warnings.join('\n'), 'Did you mean TYPESENSE_URL?')
})

test.run()
