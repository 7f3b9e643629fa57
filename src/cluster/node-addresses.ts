/** Where nodes reach each other, and which of them this one has to reach. */
import type { Member } from './members.ts'
import type { Owner } from './ownership-view.ts'
import type { NodeId } from './placement.ts'
import type { NodeAddress } from './relay/relay-protocol.ts'

export type Known = {
  readonly owners: Iterable<Pick<Owner, 'nodeId' | 'address'>>
  readonly members: readonly Pick<Member, 'id' | 'address'>[]
  readonly historyKeepers: readonly NodeId[]
}

/** Whoever serves a shard or keeps a history, and is not this node: a keeper of a history may serve nothing. */
export function nodesToMeet(self: NodeId, { owners, members, historyKeepers }: Known): NodeAddress[] {
  const addresses = new Map<NodeId, string>()
  for (const { id, address } of members) if (historyKeepers.includes(id)) addresses.set(id, address)
  for (const { nodeId, address } of owners) addresses.set(nodeId, address)
  addresses.delete(self)
  return [...addresses].map(([nodeId, address]) => ({ nodeId, ...addressOf(address) }))
}

export function addressText(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function addressOf(text: string): { readonly host: string; readonly port: number } {
  const at = text.lastIndexOf(':')
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) }
}
