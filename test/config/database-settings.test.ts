import * as assert from 'uvu/assert'
import { explain } from '../../src/config/explain.ts'
import { type ConfigResult, readConfig } from '../../src/config.ts'
import { suite } from '../support/suite.ts'

const test = suite('the settings of the tables')
const REMOTE = 'postgres://shop:s3cret-of-the-shop@db.example:6432/shop'
const ADMIN_KEY = 'kD93hxW0qLz71VbnRcT52yPfGs84mJuE'

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

function databaseOf(result: ConfigResult) {
  if (result.type === 'invalid') throw new Error(explain(result.problems))
  return result.config.database
}

function whyNot(environment: Readonly<Record<string, string>>): string {
  const result = read(environment)
  return result.type === 'invalid' ? explain(result.problems) : 'nothing is wrong'
}

test('without a URL the tables are a file', () => {
  assert.equal(databaseOf(read({})), { type: 'sqlite' })
})

test('a URL says where PostgreSQL is, and a file can hold it', () => {
  const tls = { mode: 'off', rootCertificate: undefined }
  const target = {
    host: 'db.example',
    port: 6_432,
    user: 'shop',
    password: 's3cret-of-the-shop',
    database: 'shop',
    tls,
  }
  assert.equal(databaseOf(read({ DATABASE_URL: REMOTE })), { type: 'postgresql', target, connections: 10 })
  const file = { DATABASE_URL_FILE: '/run/url', DATABASE_CONNECTIONS: '3' }
  const found = databaseOf(read(file, { '/run/url': `${REMOTE}?sslmode=verify-full&sslrootcert=/ca.pem\n` }))
  const verified = { ...target, tls: { mode: 'verified', rootCertificate: '/ca.pem' } }
  assert.equal(found, { type: 'postgresql', target: verified, connections: 3 })
  const local = databaseOf(read({ DATABASE_URL: 'postgresql://a%40b@[::1]/x%20y' }))
  const here = { host: '::1', port: 5_432, user: 'a@b', password: undefined, database: 'x y', tls }
  assert.equal(local, { type: 'postgresql', target: here, connections: 10 })
})

test('what is no such URL is refused, and never shown', () => {
  const wrong = [
    'mysql://shop:s3cret-of-the-shop@db.example/shop',
    'postgres://shop:s3cret-of-the-shop@db.example',
    'postgres://db.example/shop',
    `${REMOTE}?sslmode=prefer`,
    `${REMOTE}?password=s3cret-of-the-shop`,
    `${REMOTE}/more`,
  ]
  for (const DATABASE_URL of wrong) {
    const why = whyNot({ DATABASE_URL })
    assert.match(why, 'DATABASE_URL', DATABASE_URL)
    assert.not.match(why, 's3cret')
  }
})

test('in production a remote server has TLS and a password, or nothing starts', () => {
  const production = (DATABASE_URL: string) => whyNot({ NODE_ENV: 'production', ADMIN_KEY, DATABASE_URL })
  assert.match(production(REMOTE), 'by TLS')
  assert.match(production(`${REMOTE}?sslmode=disable`), 'by TLS')
  assert.match(production('postgres://shop@db.example/shop?sslmode=verify-full'), 'with a password')
  assert.is(production(`${REMOTE}?sslmode=verify-full`), 'nothing is wrong')
  for (const host of ['127.0.0.1', 'localhost', '[::1]'])
    assert.is(production(`postgres://shop@${host}/shop`), 'nothing is wrong')
})

test('who answers is not checked with sslmode=require, which is said', () => {
  assert.match(read({ DATABASE_URL: `${REMOTE}?sslmode=require` }).warnings.join('\n'), 'sslmode=require')
})

test.run()
