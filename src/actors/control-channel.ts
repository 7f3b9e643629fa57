import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { type Port, portOf } from '../seams.ts'
import type { ToEngine } from './protocol.ts'

/** A channel whose one end is the engine's control port, wherever its thread is. */
export function controlChannel(): {
  readonly engineEnd: MessagePort
  readonly supervisorEnd: Port<never, ToEngine>
} {
  const { port1, port2 } = new MessageChannel()
  return { engineEnd: port1, supervisorEnd: portOf(port2) }
}
