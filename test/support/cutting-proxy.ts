/** A way to a server that can be cut: at once for all, at a word that goes there, or so that nobody notices. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

export type Cut = {
  /** Of what goes to the server. */
  readonly at: string
  /** Whether the server hears that word still. */
  readonly isHeard: boolean
}

export class CuttingProxy {
  /** The next time that this word comes. */
  cut: Cut | undefined
  /** Nothing goes through any more, and no connection ends. */
  isSilent = false
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(port: number): Promise<CuttingProxy> {
    const server = createServer()
    const proxy = new CuttingProxy(server)
    server.on('connection', (near) => proxy.#join(near, connect(port, '127.0.0.1')))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #join(near: Socket, far: Socket): void {
    const end = () => {
      near.destroy()
      far.destroy()
    }
    for (const socket of [near, far]) {
      this.#sockets.add(socket)
      socket.on('error', end)
      socket.once('close', () => {
        this.#sockets.delete(socket)
        end()
      })
    }
    near.on('data', (data) => {
      if (this.isSilent) return
      const { cut } = this
      if (cut === undefined || !data.includes(cut.at)) return void far.write(data)
      this.cut = undefined
      if (!cut.isHeard) return end()
      // It answers, and nobody hears it.
      far.removeAllListeners('data')
      far.once('data', end)
      far.write(data)
    })
    far.on('data', (data) => {
      if (!this.isSilent) near.write(data)
    })
  }
}
