/** The mirror's thread as main sees it: started before any shard, ended after all that read its files. */
import { Worker } from 'node:worker_threads'
import type { ShardId } from '../../../domain/ids.ts'
import { KeptThread, type KeptThreadSeams } from '../../../kept-thread.ts'
import { mirrorCloseMs } from '../../../limits/redis.ts'
import type { StreamId } from '../frame.ts'
import { JournalLost, type MirrorStatus, type ShardEnd } from './mirror.ts'
import type { MirrorData } from './mirror-entry.ts'
import type { OfMirror, ToMirrorAlone } from './mirror-protocol.ts'

export type MirrorThreadOptions = KeptThreadSeams & {
  readonly data: MirrorData
  /** A stream has begun this segment in this node's files: those before are whole. */
  readonly onRoll: (stream: StreamId, segment: number) => void
}

type EndCall = { readonly resolve: (end: ShardEnd) => void; readonly reject: (error: Error) => void }

export class MirrorThread {
  readonly #thread: KeptThread<readonly MirrorStatus[], OfMirror, ToMirrorAlone>
  readonly #calls = new Map<number, EndCall>()
  #lastCall = 0

  constructor({ data: workerData, onRoll, ...seams }: MirrorThreadOptions) {
    this.#thread = new KeptThread({
      ...seams,
      name: 'mirror',
      begin: () => ({
        thread: new Worker(new URL('./mirror-entry.ts', import.meta.url), { workerData, name: 'mirror' }),
        onStart: () => {},
        onEnd: () => this.#giveUp(),
      }),
      onMessage: (message) => {
        if (message.type === 'log') seams.log(message.level, message.event, message.detail)
        else if (message.type === 'rolled') onRoll(message.stream, message.segment)
        else this.#answer(message)
      },
      closeMs: mirrorCloseMs,
    })
  }

  start(): void {
    this.#thread.start()
  }

  /** See `Mirror.endOf`; rejects too where the thread has ended meanwhile. */
  endOf(shard: ShardId): Promise<ShardEnd> {
    return new Promise((resolve, reject) => {
      if (!this.#thread.isUp) return reject(new Error('the mirror is being started anew'))
      const call = ++this.#lastCall
      this.#calls.set(call, { resolve, reject })
      this.#thread.send({ type: 'endOf', call, shard })
    })
  }

  status(withinMs: number): Promise<readonly MirrorStatus[] | undefined> {
    return this.#thread.status(withinMs)
  }

  close(): Promise<void> {
    return this.#thread.close()
  }

  #answer(message: Extract<OfMirror, { type: 'end' | 'noEnd' }>): void {
    const call = this.#calls.get(message.call)
    this.#calls.delete(message.call)
    if (message.type === 'end') call?.resolve(message.end)
    else call?.reject(message.isLost ? new JournalLost(message.why) : new Error(message.why))
  }

  #giveUp(): void {
    for (const { reject } of this.#calls.values()) reject(new Error('the mirror has ended'))
    this.#calls.clear()
  }
}
