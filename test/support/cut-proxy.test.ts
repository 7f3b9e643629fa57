import { once } from 'node:events'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { CutProxy } from './cut-proxy.ts'
import { suite } from './suite.ts'

type World = { echo: Server; proxy: CutProxy; heard: string[]; clients: Socket[] }

const SILENCE_MS = 60
const test = suite<World>('a proxy that can be cut', {
  context: { heard: [], clients: [] } as unknown as World,
  limitMs: 10_000,
})

test.before.each(async (world) => {
  world.heard = []
  world.clients = []
  world.echo = createServer((socket) => {
    socket.on('data', (data) => {
      world.heard.push(String(data))
      socket.write(data)
    })
    socket.on('error', () => {})
  }).listen(0, '127.0.0.1')
  await once(world.echo, 'listening')
  world.proxy = await CutProxy.start((world.echo.address() as { port: number }).port)
})

test.after.each(async ({ echo, proxy, clients }) => {
  for (const client of clients) client.destroy()
  await proxy.close()
  echo.close()
  await once(echo, 'close')
})

test('passes on, both ways', async (world) => {
  const client = await connect(world)
  assert.is(await ask(client, 'hello'), 'hello')
})

test('cuts, refuses while it is cut, and serves again once it is healed', async (world) => {
  const client = await connect(world)
  world.proxy.cut()
  assert.is(await ask(client, 'lost'), 'closed')
  const refused = await connect(world)
  assert.is(await ask(refused, 'lost'), 'closed')
  world.proxy.heal()
  assert.is(await ask(await connect(world), 'back'), 'back')
})

test('is silent one way: the server carries out what its client never hears of', async (world) => {
  const client = await connect(world)
  world.proxy.blackhole(['replies'])
  assert.is(await ask(client, 'done'), 'silence')
  assert.equal(world.heard, ['done'])
  world.proxy.heal()
  assert.ok(client.destroyed || (await ask(client, 'more')) === 'closed')

  const other = await connect(world)
  world.proxy.blackhole()
  assert.is(await ask(other, 'unheard'), 'silence')
  assert.equal(world.heard, ['done'])
})

test('loses the next reply and no other', async (world) => {
  const client = await connect(world)
  world.proxy.dropNextReply()
  assert.is(await ask(client, 'done'), 'closed')
  assert.equal(world.heard, ['done'])
  assert.is(await ask(await connect(world), 'again'), 'again')
})

test('delays each way', async (world) => {
  const client = await connect(world)
  world.proxy.delay(20)
  const begunMs = performance.now()
  assert.is(await ask(client, 'slow', 1_000), 'slow')
  assert.ok(performance.now() - begunMs >= 39)
})

test('does it to those alone that are meant', async (world) => {
  const client = await connect(world)
  world.proxy.cut((address) => address !== '127.0.0.1')
  assert.is(await ask(client, 'spared'), 'spared')
})

test.run()

async function connect({ proxy, clients }: World): Promise<Socket> {
  const client = createConnection({ host: proxy.host, port: proxy.port })
  clients.push(client)
  client.on('error', () => {})
  await new Promise<void>((resolve) => void client.once('connect', resolve).once('close', () => resolve()))
  return client
}

/** What comes back: the text, or that the connection was closed, or nothing. */
async function ask(client: Socket, text: string, withinMs = SILENCE_MS): Promise<string> {
  if (client.destroyed) return 'closed'
  client.write(text)
  return Promise.race([
    once(client, 'data').then(
      ([data]) => String(data),
      () => 'closed',
    ),
    once(client, 'close').then(() => 'closed'),
    pause(withinMs, 'silence'),
  ])
}
