/**
 * Who should serve what. Pure: every node computes the same from the same view and carries out only what is its own part,
 * so that nobody has to lead.
 *
 * P1  Every member has floor(shards / members) or one more. Those who own most already have the one more, so that a state
 *     that is balanced asks for nothing.
 * P2  Shards that nobody has come first: they go to whoever is below its share, the last owner before others.
 * P3  Only what is above a share moves, and only to who is below: no move makes another one necessary.
 * P4  A shard that is on its way counts for the node it is on its way to.
 */
import type { ShardId } from '../domain/ids.ts'

export type NodeId = string

/** A node that shards may be given to, or that is about to go. */
export type Candidate = { readonly id: NodeId; readonly isLeaving: boolean }

/** Whose a shard is, as far as one knows. */
export type Holding =
  /** Not seen yet. It is left alone. */
  | { readonly type: 'unknown' }
  | { readonly type: 'free'; readonly lastOwner: NodeId | undefined }
  /** `to` is whom it is on its way to. */
  | { readonly type: 'owned'; readonly owner: NodeId; readonly to: NodeId | undefined }

export type Move = { readonly shard: ShardId; readonly from: NodeId; readonly to: NodeId }

export type Plan = {
  /** Whom each free shard should be taken by; without an entry where there is nobody. */
  readonly takes: ReadonlyMap<ShardId, NodeId>
  readonly moves: readonly Move[]
  /** How many shards each member should have, those about to go left out. */
  readonly shares: ReadonlyMap<NodeId, number>
}

/** `holdings` has an entry for every shard, at its number. */
export function planPlacement(candidates: readonly Candidate[], holdings: readonly Holding[]): Plan {
  const owned = countOwned(candidates, holdings)
  const staying = candidates
    .filter(({ isLeaving }) => !isLeaving)
    .map(({ id }) => id)
    .sort((a, b) => (owned.get(b) ?? 0) - (owned.get(a) ?? 0) || compare(a, b))
  const shares = sharesOf(staying, holdings.length)
  const wants = new Map(staying.map((id) => [id, Math.max(0, (shares.get(id) ?? 0) - (owned.get(id) ?? 0))]))
  const takes = assignFree(holdings, wants)
  return { takes, moves: assignSurplus(candidates, holdings, { owned, shares, wants }), shares }
}

function countOwned(candidates: readonly Candidate[], holdings: readonly Holding[]): Map<NodeId, number> {
  const owned = new Map(candidates.map(({ id }) => [id, 0]))
  for (const holding of holdings) {
    if (holding.type !== 'owned') continue
    const id = holding.to ?? holding.owner
    const count = owned.get(id)
    if (count !== undefined) owned.set(id, count + 1)
  }
  return owned
}

function sharesOf(staying: readonly NodeId[], shards: number): Map<NodeId, number> {
  const base = Math.floor(shards / staying.length)
  const more = shards % staying.length
  return new Map(staying.map((id, at) => [id, base + (at < more ? 1 : 0)]))
}

function assignFree(holdings: readonly Holding[], wants: Map<NodeId, number>): Map<ShardId, NodeId> {
  const takes = new Map<ShardId, NodeId>()
  const others: ShardId[] = []
  for (const [shard, holding] of holdings.entries()) {
    if (holding.type !== 'free') continue
    const { lastOwner } = holding
    if (lastOwner !== undefined && (wants.get(lastOwner) ?? 0) > 0) {
      takes.set(shard as ShardId, lastOwner)
      use(wants, lastOwner)
    } else others.push(shard as ShardId)
  }
  for (const shard of others) {
    const taker = mostWanting(wants)
    if (taker === undefined) break
    takes.set(shard, taker)
    use(wants, taker)
  }
  return takes
}

function assignSurplus(
  candidates: readonly Candidate[],
  holdings: readonly Holding[],
  counts: {
    readonly owned: ReadonlyMap<NodeId, number>
    readonly shares: ReadonlyMap<NodeId, number>
    readonly wants: Map<NodeId, number>
  },
): Move[] {
  const { owned, shares, wants } = counts
  const moves: Move[] = []
  for (const { id: from } of candidates.toSorted((a, b) => compare(a.id, b.id))) {
    let surplus = (owned.get(from) ?? 0) - (shares.get(from) ?? 0)
    for (let shard = holdings.length - 1; shard >= 0 && surplus > 0; shard--) {
      const holding = holdings[shard] as Holding
      if (holding.type !== 'owned' || holding.owner !== from || holding.to !== undefined) continue
      const to = mostWanting(wants)
      if (to === undefined) return moves
      moves.push({ shard: shard as ShardId, from, to })
      use(wants, to)
      surplus -= 1
    }
  }
  return moves
}

/** Who lacks most; undefined where nobody lacks any. */
function mostWanting(wants: ReadonlyMap<NodeId, number>): NodeId | undefined {
  let found: NodeId | undefined
  let most = 0
  for (const [id, count] of wants) {
    if (count > most || (count === most && found !== undefined && compare(id, found) < 0)) {
      found = id
      most = count
    }
  }
  return found
}

function use(wants: Map<NodeId, number>, id: NodeId): void {
  wants.set(id, (wants.get(id) ?? 0) - 1)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
