import { once } from 'node:events'
import { createServer, request, type Server } from 'node:http'
import * as assert from 'uvu/assert'
import { Balancer } from '../../../src/cli/local-cluster/balancer.ts'
import { freePorts } from '../../../src/cli/local-cluster/free-ports.ts'
import { realTimers } from '../../../src/seams.ts'
import { suite } from '../../support/suite.ts'

/** Says its name, and on /readyz whether it is ready. */
class Node {
  readonly name: string
  readonly #server: Server
  isReady = true

  constructor(name: string) {
    this.name = name
    this.#server = createServer((asked, answer) => {
      answer.statusCode = asked.url === '/readyz' && !this.isReady ? 503 : 200
      answer.end(this.name)
    })
  }

  async listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }
}

type Context = { nodes: readonly Node[]; balancer: Balancer; port: number }

const test = suite<Context>('the balancer of a local cluster', {
  context: { nodes: [] } as unknown as Context,
})

test.before.each(async (context) => {
  const [port, ...ports] = (await freePorts(4)) as [number, ...number[]]
  context.port = port
  context.nodes = ports.map((_, index) => new Node(`node-${index + 1}`))
  await Promise.all(context.nodes.map((node, index) => node.listen(ports[index] as number)))
  context.balancer = new Balancer(
    ports.map((each, index) => ({ name: `node-${index + 1}`, port: each })),
    realTimers,
  )
  await context.balancer.listen(port)
})

test.after.each(async ({ nodes, balancer }) => {
  await balancer.close()
  await Promise.all(nodes.map((node) => node.close()))
})

test('shares connections out in turn', async ({ port }) => {
  const answers = await askInTurn(port, 6)
  assert.equal(answers.slice(3), answers.slice(0, 3))
  assert.equal(answers.slice(0, 3).sort(), ['node-1', 'node-2', 'node-3'])
})

test('leaves out a node that says it is not ready, until it is', async ({ port, nodes, balancer }) => {
  const [, second] = nodes as [Node, Node]
  second.isReady = false
  await until(() => balancer.ready.length === 2)
  assert.not((await askInTurn(port, 4)).includes('node-2'))
  second.isReady = true
  await until(() => balancer.ready.length === 3)
  assert.ok((await askInTurn(port, 3)).includes('node-2'))
})

test('gives a connection to another node where one does not take it', async ({ port, nodes }) => {
  await nodes[0]?.close()
  // Before it has noticed by itself.
  const answers = await askInTurn(port, 3)
  assert.equal([...new Set(answers)].sort(), ['node-2', 'node-3'])
})

test('closes a connection where nobody is ready', async ({ port, nodes, balancer }) => {
  for (const node of nodes) node.isReady = false
  await until(() => balancer.ready.length === 0)
  const failure = await ask(port).catch((error: Error) => error)
  assert.instance(failure, Error)
})

test.run()

async function askInTurn(port: number, times: number): Promise<readonly string[]> {
  const answers: string[] = []
  for (let time = 0; time < times; time++) answers.push(await ask(port))
  return answers
}

/** On a connection of its own. */
function ask(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const asking = request({ host: '127.0.0.1', port, path: '/name', agent: false }, async (answer) => {
      let text = ''
      for await (const part of answer) text += part
      resolve(text)
    })
    asking.once('error', reject).end()
  })
}

async function until(isSo: () => boolean): Promise<void> {
  const givenUpMs = performance.now() + 10_000
  while (!isSo()) {
    if (performance.now() > givenUpMs) throw new Error('it does not come about')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
