/** What an audit found, each with its place. Bounded: a disk that went bad should not fill the memory with reasons. */
import type { ShardId } from '../../domain/ids.ts'

export type Position = { readonly shard: ShardId; readonly sequence: number }

export type Place = {
  /** Within the data directory. */
  readonly file: string
  readonly offset?: number | undefined
  /** The event concerned; where frames cannot be read, the next one due of every shard they may hold. */
  readonly positions?: readonly Position[] | undefined
}

export type Finding = Place & {
  /** `damaged` and `torn` as in exit-codes.ts; a `note` is odd, explained, and no fault. */
  readonly kind: 'damaged' | 'torn' | 'note'
  readonly reason: string
}

const keptPerKind = 100

export class Findings {
  readonly #kept: Finding[] = []
  readonly #counts = { damaged: 0, torn: 0, note: 0 }

  add(kind: Finding['kind'], place: Place, reason: string): void {
    this.#counts[kind] += 1
    if (this.#counts[kind] <= keptPerKind) this.#kept.push({ kind, ...place, reason })
  }

  /** The first hundred of each kind. */
  get kept(): readonly Finding[] {
    return this.#kept
  }

  count(kind: Finding['kind']): number {
    return this.#counts[kind]
  }
}
