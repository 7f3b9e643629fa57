/**
 * Who serves which slot. Nodes may disagree for a moment, and one that is cut off goes on believing in itself; of
 * several claims to a slot the one with the highest configuration epoch holds, as within the cluster itself.
 */
import type { RedisAddress } from '../../redis-url.ts'

/** Both included. */
export type SlotRange = readonly [first: number, last: number]

export type ReplicaView = { readonly id: string; readonly address: RedisAddress; readonly isFailed: boolean }

export type PrimaryView = {
  readonly id: string
  readonly address: RedisAddress
  readonly epoch: number
  /** The other nodes take it for dead. */
  readonly isFailed: boolean
  readonly slots: readonly SlotRange[]
  readonly replicas: readonly ReplicaView[]
}

type NodeView = Omit<PrimaryView, 'replicas'> & {
  readonly isPrimary: boolean
  readonly primaryId: string
  /** The line is the node's own. */
  readonly isSelf: boolean
}

/**
 * One view out of what several nodes answered to `CLUSTER NODES`. `asked` is where that answer came from: a node may not
 * know an address of its own. With TLS a node is reached by the name it announces, if it does, as certificates name it.
 */
export function mergeViews(
  answers: readonly { readonly asked: RedisAddress; readonly text: string }[],
  tls: boolean,
): readonly PrimaryView[] {
  const nodes = new Map<string, NodeView>()
  for (const { asked, text } of answers) {
    for (const node of text
      .trim()
      .split('\n')
      .flatMap((line) => parseNode(line, asked, tls))) {
      const known = nodes.get(node.id)
      nodes.set(node.id, known === undefined ? node : newerOf(known, node))
    }
  }
  const primaries = [...nodes.values()].filter(({ isPrimary }) => isPrimary).sort((a, b) => b.epoch - a.epoch)
  const taken: SlotRange[] = []
  return primaries.flatMap((primary) => {
    const slots = primary.slots.flatMap((range) => without(range, taken))
    taken.push(...slots)
    if (slots.length === 0) return []
    const replicas = [...nodes.values()].filter((node) => !node.isPrimary && node.primaryId === primary.id)
    const { id, address, epoch, isFailed } = primary
    return [{ id, address, epoch, isFailed, slots, replicas: replicas.map(replicaOf) }]
  })
}

export function primaryOfSlot(primaries: readonly PrimaryView[], slot: number): PrimaryView | undefined {
  return primaries.find(({ slots }) => slots.some(([first, last]) => first <= slot && slot <= last))
}

/** `id ip:port@bus[,host] flags primary ping pong epoch link slot slot…`; a slot under way is in brackets. */
function parseNode(line: string, asked: RedisAddress, tls: boolean): NodeView[] {
  const [id = '', place = '', flagText = '', primaryId = '', , , epoch = '', , ...ranges] = line.split(' ')
  const flags = flagText.split(',')
  if (flags.includes('noaddr') || flags.includes('handshake')) return []
  const [endpoint = '', hostname = ''] = place.split(',')
  const [, ip = '', port = ''] = /^(.*):([0-9]+)(?:@[0-9]+)?$/.exec(endpoint) ?? []
  const host = (tls && hostname !== '' ? hostname : ip) || asked.host
  const slots = ranges
    .filter((range) => !range.startsWith('['))
    .map((range) => {
      const [first = '', last = first] = range.split('-')
      return [Number(first), Number(last)] as const
    })
  return [
    {
      id,
      address: { host, port: Number(port) },
      epoch: Number(epoch),
      isPrimary: flags.includes('master'),
      isFailed: flags.includes('fail'),
      primaryId,
      isSelf: flags.includes('myself'),
      slots,
    },
  ]
}

/**
 * A replica shows its primary's epoch, so that a demotion comes with a newer one. Of two lines of one epoch the node's own
 * knows its slots; the others know whether it is dead.
 */
function newerOf(known: NodeView, node: NodeView): NodeView {
  if (node.epoch !== known.epoch) return node.epoch > known.epoch ? node : known
  return { ...(node.isSelf ? node : known), isFailed: node.isFailed || known.isFailed }
}

function replicaOf({ id, address, isFailed }: NodeView): ReplicaView {
  return { id, address, isFailed }
}

function without(range: SlotRange, taken: readonly SlotRange[]): SlotRange[] {
  let left: SlotRange[] = [range]
  for (const [first, last] of taken) {
    left = left.flatMap(([from, to]): SlotRange[] => {
      if (last < from || first > to) return [[from, to]]
      const around: SlotRange[] = [
        [from, first - 1],
        [last + 1, to],
      ]
      return around.filter(([low, high]) => low <= high)
    })
  }
  return left
}
