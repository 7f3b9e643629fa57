/** FAULTS.md, C29: no file can be opened any more. Whoever is connected is served on, and so is everybody once it is over. */
import { connect, type Socket } from 'node:net'
import * as assert from 'uvu/assert'
import { expectSameAnswers, judge } from '../support/journal-oracle.ts'
import { deliver, LoadClient } from '../support/load-client.ts'
import { allowFiles, canLimitFiles, filesEnough, openFilesOf } from '../support/open-files.ts'
import { RequestLedger } from '../support/request-ledger.ts'
import { pause, Site } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const products = ['product-1', 'product-2', 'product-3']
/** Beyond what is open: for the load's own connections. */
const SPARE = 12
const CROWD = 80
const test = suite('a process that may open no more files', { limitMs: 90_000 })
const where = canLimitFiles() ? test : (name: string) => test.skip(`${name} (needs prlimit of util-linux)`)

where('serves those who are connected, and everybody when it may again', async () => {
  await using site = new Site()
  const ledger = new RequestLedger()
  const server = await site.start()
  await deliver(
    server,
    ledger,
    products.map((id) => [id, 100_000]),
  )
  const load = new LoadClient(server, ledger, {
    products,
    seed: 4,
    connections: 8,
    reserveShare: 1,
    padding: 128,
  })
  await server.until(() => load.count('201') > 20, 'the load is served')
  allowFiles(server, openFilesOf(server) + SPARE)
  const crowd = await Promise.all(Array.from({ length: CROWD }, () => arrive(server.port)))
  const before = load.count('201')
  await server.until(() => load.count('201') > before + 50, 'the load is served beside the crowd')
  // Segments are used up meanwhile, and a next one cannot be made: new reservations wait for that.
  await pause(1_500)
  allowFiles(server, filesEnough)
  for (const socket of crowd) socket.destroy()
  const during = load.count('201')
  await server.until(() => load.count('201') > during + 200, 'all is as before')
  await load.stop()
  const answer = await server.request('GET', '/readyz')
  assert.is(answer.status, 200)
  await server.stop()
  await expectSameAnswers(await site.start(), judge(site, ledger))
})

test.run()

/** Whether or not the server can take the connection: the kernel can. */
function arrive(port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    const done = () => resolve(socket)
    socket.once('connect', done).on('error', done)
  })
}
