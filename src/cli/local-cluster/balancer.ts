/**
 * Shares connections out among nodes that say they are ready, in turn. For trying only: it looks at nothing that passes,
 * and a connection stays with its node until either end closes it.
 */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Timer, Timers } from '../../seams.ts'

export type Target = { readonly name: string; readonly port: number }

const host = '127.0.0.1'
const lookEveryMs = 200
/** A node that takes longer to say how it is has stopped, whatever its port says. */
const answerWithinMs = 1_000

export class Balancer {
  readonly #targets: readonly Target[]
  readonly #timers: Timers
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #ready: readonly Target[] = []
  #turn = 0
  #isClosed = false
  #nextLook: Timer | undefined

  constructor(targets: readonly Target[], timers: Timers) {
    this.#targets = targets
    this.#timers = timers
    // Half open: who has asked all may still be answered.
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#pass(socket))
  }

  /** Resolves when it takes connections; rejects where the port is taken. */
  async listen(port: number): Promise<void> {
    this.#server.listen(port, host)
    await once(this.#server, 'listening')
    await this.#look()
  }

  /** The names of those that get connections. */
  get ready(): readonly string[] {
    return this.#ready.map(({ name }) => name)
  }

  /** Takes no more connections, and cuts those there are. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#nextLook?.cancel()
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  async #look(): Promise<void> {
    const answers = await Promise.all(this.#targets.map((target) => this.#isReady(target)))
    this.#ready = this.#targets.filter((_, index) => answers[index])
    if (!this.#isClosed) this.#nextLook = this.#timers.after(lookEveryMs, () => void this.#look())
  }

  async #isReady({ port }: Target): Promise<boolean> {
    const asking = new AbortController()
    const late = this.#timers.after(answerWithinMs, () => asking.abort())
    try {
      const answer = await fetch(`http://${host}:${port}/readyz`, { signal: asking.signal })
      await answer.arrayBuffer()
      return answer.ok
    } catch {
      return false
    } finally {
      late.cancel()
    }
  }

  #pass(client: Socket): void {
    this.#keep(client)
    const count = this.#ready.length
    const turn = this.#turn++
    const inTurn = this.#ready.map((_, index) => this.#ready[(turn + index) % count] as Target)
    this.#try(client, inTurn)
  }

  /** Nothing has been sent as long as no node has taken the connection, so another may have it. */
  #try(client: Socket, [target, ...others]: readonly Target[]): void {
    if (target === undefined || client.destroyed) return void client.destroy()
    const node = connect({ host, port: target.port, allowHalfOpen: true })
    this.#keep(node)
    const next = () => this.#try(client, others)
    node.once('error', next)
    node.once('connect', () => {
      node.off('error', next)
      client.pipe(node).pipe(client)
      node.once('close', () => client.destroy())
      client.once('close', () => node.destroy())
    })
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    // What broke one end closes the other; whoever is there notices by itself.
    socket.on('error', () => {})
    socket.once('close', () => this.#sockets.delete(socket))
  }
}
