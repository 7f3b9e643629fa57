import { existsSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { RedisServerProcess } from './redis-server.ts'
import { suite } from './suite.ts'

const test = suite('a Redis server of a test', { needs: ['redis-server'], limitMs: 30_000 })

test('keeps what it has answered over a loss of power, on the same port', async () => {
  const server = await RedisServerProcess.start()
  try {
    const client = server.client()
    await client.set('a', '1')
    await server.kill()
    assert.not(server.isRunning)
    await server.restart({ 'maxmemory-policy': 'allkeys-lru' })
    assert.is(await client.get('a'), '1')
    assert.equal(await client.config('GET', 'maxmemory-policy'), ['maxmemory-policy', 'allkeys-lru'])
    await server.stop()
    await server.restart()
    assert.is(await client.get('a'), '1')
  } finally {
    await server.close()
  }
  assert.not(existsSync(server.directory))
})

test('answers nothing while it is paused', async () => {
  const server = await RedisServerProcess.start()
  try {
    const client = server.client({ commandTimeout: 50 })
    await client.ping()
    server.pause()
    const answer = await client.ping().catch((error: Error) => error.message)
    assert.is(answer, 'Command timed out')
    server.resume()
    assert.is(await server.client().ping(), 'PONG')
  } finally {
    await server.close()
  }
})

test.run()
