/**
 * Members: which nodes there are. Each says every so often that it lives, and hears with the answer who else does.
 *
 * Silent members are not placed upon for some time before they are forgotten. Where Redis itself was away everybody was
 * silent: whoever was there before is then taken to be there still, until it has had time to say so.
 */
import type { Redis } from 'ioredis'
import { z } from 'zod'
import type { Clock, Timers } from '../seams.ts'
import { beatsKey, membersKey, membersNews, metaKey, newsChannel } from './key-names.ts'
import { inTime, type Primaries } from './leases.ts'
import type { NodeId } from './placement.ts'
import { scriptCall } from './scripts.ts'

const memberText = z.object({
  address: z.string(),
  version: z.string(),
  startedAtMs: z.number(),
  shards: z.number(),
  isLeaving: z.boolean(),
})

/** What a node says of itself: where others reach it, and how many shards it owns. */
export type MemberText = z.output<typeof memberText>
export type Member = MemberText & { readonly id: NodeId; readonly silentMs: number }

/** What the data is, and why nobody may serve it, if so. */
export type Agreed = {
  readonly shards: number
  readonly dataId: string
  readonly closed: string | undefined
}

export type MembersOptions = {
  readonly primaries: Primaries
  readonly clock: Clock
  readonly timers: Timers
  readonly id: NodeId
  readonly leaseMs: number
}

/**
 * In leases: silent for so long, two beats, a member is not placed upon; and for so long, it is forgotten. A killed node is
 * known as silent by the time its leases end, and nobody keeps a shard for it then.
 */
const SILENT_LEASES = 0.5
const FORGOTTEN_LEASES = 5

export class Members {
  readonly #options: MembersOptions
  #listed: readonly Member[] = []
  #heardAtMs = Number.NEGATIVE_INFINITY
  /** Members to whom the benefit of the doubt is given, and until when. */
  #trusted: readonly Member[] = []
  #trustedUntilMs = Number.NEGATIVE_INFINITY

  constructor(options: MembersOptions) {
    this.#options = options
  }

  /** All that were heard of, with how long they have been silent. */
  get listed(): readonly Member[] {
    const sinceMs = this.#options.clock.monotonicMs() - this.#heardAtMs
    return this.#listed.map((member) => ({ ...member, silentMs: member.silentMs + sinceMs }))
  }

  /** Whether the list is new enough to give something away by it. */
  get isFresh(): boolean {
    return this.#options.clock.monotonicMs() - this.#heardAtMs < this.#options.leaseMs * SILENT_LEASES
  }

  /** Those that can be placed upon, by what was heard last. */
  get living(): readonly Member[] {
    const { clock, leaseMs } = this.#options
    const living = this.#listed.filter(({ silentMs }) => silentMs < leaseMs * SILENT_LEASES)
    if (clock.monotonicMs() >= this.#trustedUntilMs) return living
    return [...living, ...this.#trusted.filter(({ id }) => !living.some((member) => member.id === id))]
  }

  /** Says what this node is, and hears of all. */
  async beat(text: MemberText): Promise<void> {
    const { clock, id, leaseMs } = this.#options
    const keys = [beatsKey, membersKey]
    const args = [id, JSON.stringify(text), leaseMs * FORGOTTEN_LEASES, newsChannel, membersNews]
    const wasFresh = this.isFresh
    const before = this.living
    const answer = (await this.#run(beatsKey, scriptCall('beat', keys, args))) as (string | number)[]
    if (!wasFresh) {
      this.#trusted = before
      this.#trustedUntilMs = clock.monotonicMs() + leaseMs / 2
    }
    this.#listed = readMembers(answer)
    this.#heardAtMs = clock.monotonicMs()
  }

  async leave(): Promise<void> {
    const { id } = this.#options
    await this.#run(beatsKey, scriptCall('leave', [beatsKey, membersKey], [id, newsChannel, membersNews]))
  }

  /** What the data is, which the first node has decided: `dataId` is taken where there is none yet. */
  async agree(shards: number, dataId: string): Promise<Agreed> {
    const answer = await this.#run(metaKey, scriptCall('agree', [metaKey], [shards, dataId]))
    const [found, id, why] = answer as [string, string, string | null]
    return { shards: Number(found), dataId: id, closed: why ?? undefined }
  }

  async #run(key: string, [, ...args]: ReturnType<typeof scriptCall>): Promise<unknown> {
    const { primaries, timers, leaseMs } = this.#options
    const primary: Redis | undefined = primaries.primaryOf(key)
    if (primary === undefined) throw new Error('no primary is connected for the members')
    try {
      return await inTime(timers, leaseMs / 2, primary.call('EVAL', ...args))
    } catch (error) {
      primaries.failed(primary, error)
      throw error
    }
  }
}

/** Reads what `beat.lua` answers; what another version says in other words is left out. */
export function readMembers(answer: readonly (string | number)[]): Member[] {
  const members: Member[] = []
  for (let at = 0; at + 2 < answer.length; at += 3) {
    const [id, text, silentMs] = answer.slice(at, at + 3)
    const parsed = memberText.safeParse(JSON.parse(String(text)))
    if (parsed.success) members.push({ ...parsed.data, id: String(id), silentMs: Number(silentMs) })
  }
  return members
}
