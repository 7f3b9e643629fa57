/**
 * Whose address a request comes from.
 *
 * A1  Only a peer that `TRUSTED_PROXIES` names is believed what it forwards, and of that only the right-most hop that is no
 *     such proxy itself: what is left of it the client may have written.
 * A2  Where a peer forwards both `X-Forwarded-For` and `Forwarded` and they do not agree, one of them is the client's own:
 *     neither is believed.
 * A3  What is not believed or cannot be read counts as the last proxy's own address.
 */
import { contains, type IpAddress, type Network, parseIp } from '../ip-address.ts'

export type Arrival = {
  /** The other end of the socket. Absent where that has gone. */
  readonly peer: string | undefined
  /** The header fields, repeated ones joined by commas. */
  readonly xForwardedFor: string | undefined
  readonly forwarded: string | undefined
}

/** The address that counts. Undefined where there is none. */
export function addressOf(arrival: Arrival, trusted: readonly Network[]): IpAddress | undefined {
  const peer = arrival.peer === undefined ? undefined : parseIp(arrival.peer)
  if (peer === undefined || trusted.length === 0 || !isOneOf(trusted, peer)) return peer
  const { xForwardedFor, forwarded } = arrival
  if (xForwardedFor === undefined && forwarded === undefined) return peer
  if (forwarded === undefined) return firstUntrusted(peer, hopsOf(xForwardedFor ?? ''), trusted)
  const told = firstUntrusted(peer, forwardedHopsOf(forwarded), trusted)
  if (xForwardedFor === undefined) return told
  const toldToo = firstUntrusted(peer, hopsOf(xForwardedFor), trusted)
  return told.every((word, i) => word === toldToo[i]) ? told : peer
}

/** `hops` begin with the nearest. */
function firstUntrusted(peer: IpAddress, hops: Iterable<string>, trusted: readonly Network[]): IpAddress {
  let last = peer
  for (const hop of hops) {
    const address = parseNode(hop)
    if (address === undefined) return last
    if (!isOneOf(trusted, address)) return address
    last = address
  }
  return last
}

function isOneOf(networks: readonly Network[], address: IpAddress): boolean {
  return networks.some((network) => contains(network, address))
}

function* hopsOf(field: string): Generator<string> {
  for (let end = field.length; end >= 0; ) {
    const comma = end === 0 ? -1 : field.lastIndexOf(',', end - 1)
    yield field.slice(comma + 1, end).trim()
    end = comma
  }
}

/** An address with or without a port; IPv6 with one stands in brackets. */
function parseNode(text: string): IpAddress | undefined {
  const bracketed = /^\[([^\]]*)\](?::[0-9]{1,5})?$/.exec(text)
  if (bracketed !== null) return parseIp(bracketed[1] as string)
  const withPort = /^([0-9.]+):[0-9]{1,5}$/.exec(text)
  return parseIp(withPort === null ? text : (withPort[1] as string))
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
/** One parameter of RFC 7239 and what stands behind it; values are tokens or quoted strings. */
const PARAMETER = new RegExp(
  `[ \\t]*(?:(${TOKEN})=(?:(${TOKEN}(?::[0-9]+)?)|"((?:[^"\\\\]|\\\\.)*)")[ \\t]*)?(;|,|$)`,
  'y',
)

/** The `for` of each element, the nearest first. Nothing where the field is malformed: quotes could hide what a proxy added. */
function forwardedHopsOf(field: string): readonly string[] {
  const hops: string[] = []
  let hop = ''
  PARAMETER.lastIndex = 0
  while (PARAMETER.lastIndex < field.length || hops.length === 0) {
    const match = PARAMETER.exec(field)
    if (match === null) return []
    const [, name, token, quoted, end] = match
    if (name?.toLowerCase() === 'for') hop = token ?? (quoted as string).replaceAll(/\\(.)/g, '$1')
    if (end === ';') continue
    hops.unshift(hop)
    hop = ''
    if (end === '') break
  }
  return hops
}
