/** Where a shard's journal is in Redis, and what names a frame there. */
import type { ShardId } from '../../../domain/ids.ts'
import { type Frame, type Link, noLink } from '../frame.ts'

/** One hash tag a shard, and so one slot: an append touches both keys at once. */
export function journalKeysOf(shard: ShardId): { readonly journal: string; readonly head: string } {
  const tag = `holdfast:{s${shard}}`
  return { journal: `${tag}:journal`, head: `${tag}:head` }
}

/** The place of a frame in its shard's journal: places go up with epochs, and within one by ones. */
export type FramePlace = { readonly epoch: number; readonly ordinal: number }

export const beforeAll: FramePlace = { epoch: 0, ordinal: 0 }

/** As the id of a stream's entry. */
export function entryIdOf({ epoch, ordinal }: FramePlace): string {
  return `${epoch}-${ordinal}`
}

/** Throws where the text is no such id: somebody else wrote it. */
export function placeOfEntry(id: string): FramePlace {
  const match = /^(\d{1,15})-(\d{1,15})$/.exec(id)
  if (match === null) throw new Error(`"${id}" is no place of a frame`)
  return { epoch: Number(match[1]), ordinal: Number(match[2]) }
}

export function isBefore(a: FramePlace, b: FramePlace): boolean {
  return a.epoch < b.epoch || (a.epoch === b.epoch && a.ordinal < b.ordinal)
}

export function placeOf({ stream, ordinal }: Pick<Frame, 'stream' | 'ordinal'>): FramePlace {
  return { epoch: stream.epoch, ordinal }
}

/** The newest frame of a shard's journal. */
export type Head = { readonly place: FramePlace; readonly link: Link }

export const noHead: Head = { place: beforeAll, link: noLink }
