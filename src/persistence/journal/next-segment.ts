/**
 * The segment that comes after the open one, made ahead of its use.
 *
 * J3  A segment is used only after all of it was zero-filled, synced, and entered in a synced directory.
 */
import { assert } from '../../domain/assert.ts'
import { storageRetryMs } from '../../limits.ts'
import type { Timer, Timers } from '../../seams.ts'
import type { Disk, DiskFile } from './disk.ts'
import type { StreamId } from './frame.ts'
import { prepareSegment, segmentPath } from './segments.ts'

export type NextSegmentOptions = {
  readonly disk: Disk
  readonly timers: Timers
  readonly directory: string
  readonly stream: StreamId
  readonly segmentBytes: number
  /** Called when the next segment cannot be made, and again, without an error, when it could. */
  readonly onStorage: (error: unknown | undefined) => void
}

export class NextSegment {
  readonly #options: NextSegmentOptions
  #file: DiskFile | undefined
  #path = ''
  #preparing: Promise<void> = Promise.resolve()
  #retry: Timer | undefined
  #isStopped = false

  constructor(options: NextSegmentOptions) {
    this.#options = options
  }

  get isReady(): boolean {
    return this.#file !== undefined
  }

  /** Makes the segment of this index, trying again for as long as there is no room. */
  prepare(index: number): void {
    const { disk, timers, directory, stream, segmentBytes, onStorage } = this.#options
    this.#path = segmentPath(directory, stream, index)
    this.#preparing = prepareSegment(disk, this.#path, segmentBytes).then(
      (file) => {
        this.#file = file
        onStorage(undefined)
      },
      (error: unknown) => {
        onStorage(error)
        if (!this.#isStopped) this.#retry = timers.after(storageRetryMs, () => this.prepare(index))
      },
    )
  }

  take(): DiskFile {
    assert(this.#file !== undefined, 'room was asked for before deciding')
    const file = this.#file
    this.#file = undefined
    return file
  }

  /** Tries no more. */
  stop(): void {
    this.#isStopped = true
    this.#retry?.cancel()
  }

  /** Gives back what was made and never used. */
  async discard(): Promise<void> {
    this.stop()
    await this.#preparing
    if (this.#file === undefined) return
    this.#file.close()
    this.#options.disk.remove(this.#path)
  }
}
