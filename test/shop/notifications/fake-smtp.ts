/** A mail server that keeps what it is given, and refuses what a test says. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'

export type Refusals = Partial<Record<'RCPT' | 'DATA' | 'AUTH' | 'MAIL', string>>

export class FakeSmtp {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly messages: string[] = []
  refusals: Refusals = {}

  private constructor() {
    this.#server = createServer((socket) => this.#serve(socket))
  }

  static async start(): Promise<FakeSmtp> {
    const fake = new FakeSmtp()
    await new Promise<void>((resolve) => void fake.#server.listen(0, '127.0.0.1', resolve))
    return fake
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.write('220 fake ESMTP\r\n')
    let text = ''
    let isData = false
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      for (;;) {
        const end = text.indexOf(isData ? '\r\n.\r\n' : '\r\n')
        if (end === -1) return
        const part = text.slice(0, end)
        text = text.slice(end + (isData ? 5 : 2))
        if (isData) {
          isData = false
          this.messages.push(part)
          socket.write('250 kept\r\n')
        } else isData = this.#answer(socket, part)
      }
    })
  }

  /** Whether a message follows. */
  #answer(socket: Socket, line: string): boolean {
    const verb = line.slice(0, 4).toUpperCase()
    const refusal = this.refusals[verb as keyof Refusals]
    const reply =
      refusal ??
      { EHLO: '250-fake\r\n250 AUTH PLAIN', DATA: '354 go on', AUTH: '235 ok', QUIT: '221 bye' }[verb] ??
      '250 ok'
    socket.write(`${reply}\r\n`)
    return verb === 'DATA' && refusal === undefined
  }
}
