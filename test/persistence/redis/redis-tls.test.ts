import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import * as assert from 'uvu/assert'
import { freePort } from '../../../src/cli/local-cluster/free-ports.ts'
import { connectTo } from '../../../src/persistence/redis/redis-connection.ts'
import { RedisUnavailable } from '../../../src/persistence/redis/redis-error.ts'
import { RedisServerProcess } from '../../support/redis-server.ts'
import { suite } from '../../support/suite.ts'

/** A certificate for 127.0.0.1 and localhost, and the authority that signed it, whose key is nowhere. */
const FIXTURES = join(import.meta.dirname, '../../support/fixtures/tls')
const ACCESS = { seeds: [], tls: true, username: undefined, password: 'hunter2' }
const LIMITS = { connectTimeoutMs: 1_000, commandTimeoutMs: 1_000 }

const test = suite('a connection by TLS', { needs: ['redis-server'], limitMs: 30_000 })
const trusted = getCACertificates('default')

test.after(() => setDefaultCACertificates(trusted))

test('checks who answers, and by which name it was called', async () => {
  const port = await freePort()
  const server = await RedisServerProcess.start({
    bind: '127.0.0.1 127.0.0.2',
    'tls-port': port,
    'tls-cert-file': join(FIXTURES, 'server.pem'),
    'tls-key-file': join(FIXTURES, 'server.key'),
    'tls-ca-cert-file': join(FIXTURES, 'ca.pem'),
    'tls-auth-clients': 'no',
    requirepass: 'hunter2',
  })
  const connect = (host: string) => connectTo({ host, port }, ACCESS, LIMITS)
  const refusalOf = (host: string) =>
    connect(host).then(
      () => 'it was let in',
      (error: Error) => `${error instanceof RedisUnavailable} ${error.message}`,
    )
  try {
    assert.match(await refusalOf('127.0.0.1'), /^true .*(?:self-signed|unable to verify)/)
    setDefaultCACertificates([...trusted, readFileSync(join(FIXTURES, 'ca.pem'), 'utf8')])
    for (const host of ['127.0.0.1', 'localhost']) {
      const connection = await connect(host)
      assert.is(await connection.ping(), 'PONG')
      connection.disconnect()
    }
    assert.match(await refusalOf('127.0.0.2'), /^true .*altnames/)
    const plain = await connectTo({ host: '127.0.0.1', port }, { ...ACCESS, tls: false }, LIMITS).then(
      (connection) => connection.ping().finally(() => connection.disconnect()),
      (error: Error) => error.message,
    )
    assert.is.not(plain, 'PONG')
  } finally {
    await server.close()
  }
})

test.run()
