/** How far other systems were told: what the broker keeps beside the events, so that whoever goes on knows where. */
import { z } from 'zod'
import type { ShardId } from '../domain/ids.ts'
import type { Checkpoint } from '../persistence/journal/cursors.ts'

export type RelayPosition = {
  /** Id of the last event of the outbox; 0 before the first. */
  readonly outboxId: number
  readonly shards: ReadonlyMap<ShardId, Checkpoint>
}

const kept = z.object({
  outbox: z.int().nonnegative(),
  shards: z.array(
    z.tuple([z.int().nonnegative(), z.int().nonnegative(), z.int().nonnegative(), z.string().length(32)]),
  ),
})

export function positionText({ outboxId, shards }: RelayPosition): string {
  const told = [...shards].filter(([, { sequence }]) => sequence > 0)
  const rows = told.map(([shard, { sequence, epoch, link }]) => [shard, sequence, epoch, link])
  return JSON.stringify({ outbox: outboxId, shards: rows })
}

/** Undefined where it is none: of another version, or somebody else's. */
export function readRelayPosition(text: string): RelayPosition | undefined {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
  const { success, data } = kept.safeParse(json)
  if (!success) return undefined
  const shards = data.shards.map(([shard, sequence, epoch, link]) => {
    return [shard as ShardId, { sequence, epoch, link }] as const
  })
  return { outboxId: data.outbox, shards: new Map(shards) }
}
