/** Clients by the hundred that hold on to a server: silent, slow, or never reading. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { adminKey, type ServerProcess } from './server-process.ts'

export const clientsEach = 200

export const slowRequests = {
  silent: '',
  headers: 'POST /v1/reservations HTTP/1.1\r\nHost: x\r\n',
  body: `POST /v1/reservations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${adminKey}\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{`,
  /** Megabytes of replies, pipelined. */
  manyReplies: 'GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(50),
} as const

export class SlowClients {
  closedCount = 0
  readonly #sockets: Socket[] = []

  constructor(server: ServerProcess, first: string, options: { readonly reads: boolean }) {
    for (let i = 0; i < clientsEach; i++) {
      const socket = connect(server.port, '127.0.0.1')
      // Cut off is what they are meant to be.
      socket.on('error', () => {})
      socket.once('close', () => {
        this.closedCount += 1
      })
      if (options.reads) socket.resume()
      else socket.pause()
      if (first !== '') socket.write(first)
      this.#sockets.push(socket)
    }
  }

  write(text: string): void {
    for (const socket of this.#sockets) if (socket.writable) socket.write(text)
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}

/** Bytes of memory that the process has. */
export function memoryOf({ pid }: ServerProcess): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024
}

/** Sockets that the process has open. */
export function socketsOf({ pid }: ServerProcess): number {
  const directory = `/proc/${pid}/fd`
  return readdirSync(directory).filter((name) => isSocket(`${directory}/${name}`)).length
}

function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith('socket:')
  } catch {
    return false // It was closed between the listing and the look.
  }
}
