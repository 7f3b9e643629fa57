/** Speaks to a server byte by byte, as no well-behaved client would. */
import { connect, type Socket } from 'node:net'

export type RawClient = {
  readonly socket: Socket
  send(text: string): void
  /** All that has come so far. */
  received(): string
  /** Resolves with all that came, once this text has; rejects if the connection closes first. */
  until(text: string): Promise<string>
  /** Resolves with all that came, once the server has closed. */
  closed(): Promise<string>
  end(): void
}

export function rawClient(port: number): Promise<RawClient> {
  return new Promise((resolve, reject) => {
    let received = ''
    let isClosed = false
    const watchers = new Set<() => void>()
    const notify = () => {
      for (const watcher of watchers) watcher()
    }
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    socket.setEncoding('latin1')
    socket.on('data', (text) => {
      received += text
      notify()
    })
    const onClosed = () => {
      isClosed = true
      notify()
    }
    socket.on('end', onClosed)
    socket.on('close', onClosed)
    // Once connected a reset is one way of being closed; before, there is nobody to tell but the caller.
    socket.on('error', reject)
    const when = (condition: () => boolean, whatElse: string) =>
      new Promise<string>((met, failed) => {
        const check = () => {
          if (condition()) met(received)
          else if (isClosed) failed(new Error(`closed before ${whatElse}; received: ${received}`))
          else return
          watchers.delete(check)
        }
        watchers.add(check)
        check()
      })
    socket.once('connect', () => {
      resolve({
        socket,
        send: (text) => void socket.write(text, 'latin1'),
        received: () => received,
        until: (text) => when(() => received.includes(text), text),
        closed: () => when(() => isClosed, 'it closed'),
        end: () => socket.destroy(),
      })
    })
  })
}
