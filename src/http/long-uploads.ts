/** Requests whose bodies may take their time, since whoever sends them was let in to send a file. */
import type { IncomingMessage } from 'node:http'

const uploads = new WeakSet<IncomingMessage>()

export function allowLongUpload(request: IncomingMessage): void {
  uploads.add(request)
}

export function isLongUpload(request: IncomingMessage): boolean {
  return uploads.has(request)
}
