/**
 * Addresses and networks of IPv4 and IPv6 as one kind of number: IPv4 stands within ::ffff:0:0/96, so that an address
 * and its IPv4-mapped form are the same.
 */

/** 128 bits in four words, signed, the first ones first. */
export type IpAddress = readonly [number, number, number, number]

export type Network = {
  readonly address: IpAddress
  /** Of the 128, those that count; what `address` has behind them does not. */
  readonly bits: number
}

const MAPPED = 0xffff
const MAPPED_BITS = 96
const GROUPS = 8
const ZERO = 48
const LOWER_A = 97
const DOT = 46
const COLON = 58
const ZONE = /%[0-9a-zA-Z.:-]+$/
const BITS = /^(?:0|[1-9][0-9]{0,2})$/

/** Undefined where the text is no address. A zone (`%eth0`) names the machine's own end and is left out. */
export function parseIp(text: string): IpAddress | undefined {
  if (!text.includes(':')) {
    const word = parseV4(text, 0)
    return word === undefined ? undefined : [0, 0, MAPPED, word | 0]
  }
  return parseV6(text.includes('%') ? text.replace(ZONE, '') : text)
}

/** `10.0.0.0/8`, `2001:db8::/32`, or one address. Undefined where the text is neither. */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf('/')
  const address = parseIp(slash === -1 ? text : text.slice(0, slash))
  if (address === undefined || text.includes('%')) return undefined
  if (slash === -1) return { address, bits: 128 }
  const given = text.slice(slash + 1)
  const before = text.includes(':') ? 0 : MAPPED_BITS
  const bits = before + Number(given)
  return BITS.test(given) && bits <= 128 ? { address, bits } : undefined
}

export function contains({ address: of, bits }: Network, address: IpAddress): boolean {
  for (let word = 0; word < 4; word++) {
    const left = bits - word * 32
    if (left <= 0) return true
    const mask = left >= 32 ? -1 : ~(-1 >>> left)
    if ((((of[word] as number) ^ (address[word] as number)) & mask) !== 0) return false
  }
  return true
}

/**
 * Who counts as one client: an IPv4 address, or all of an IPv6 /64, which is the least that a customer of a network is
 * given and among whose addresses they choose freely.
 */
export function clientOf([a, b, c, d]: IpAddress): string {
  if (a === 0 && b === 0 && c === MAPPED)
    return `${d >>> 24}.${(d >>> 16) & 255}.${(d >>> 8) & 255}.${d & 255}`
  return `${hex(a >>> 16)}:${hex(a & 0xffff)}:${hex(b >>> 16)}:${hex(b & 0xffff)}::/64`
}

function hex(group: number): string {
  return group.toString(16)
}

/** Character by character from here on: an address is read for every request that comes without a token. */
function parseV4(text: string, from: number): number | undefined {
  let word = 0
  let octets = 0
  for (let at = from; at <= text.length; at++) {
    const begin = at
    let octet = 0
    for (; at < text.length; at++) {
      const digit = text.charCodeAt(at) - ZERO
      if (digit < 0 || digit > 9) break
      octet = octet * 10 + digit
    }
    const length = at - begin
    if (length === 0 || length > 3 || octet > 255) return undefined
    if (length > 1 && text.charCodeAt(begin) === ZERO) return undefined
    if (at < text.length && text.charCodeAt(at) !== DOT) return undefined
    word = word * 256 + octet
    octets += 1
  }
  return octets === 4 ? word : undefined
}

function parseV6(text: string): IpAddress | undefined {
  const groups = [0, 0, 0, 0, 0, 0, 0, 0]
  let count = 0
  /** How many groups stand before `::`. */
  let gap: number | undefined
  let at = 0
  if (text.startsWith('::')) {
    gap = 0
    at = 2
  }
  while (at < text.length) {
    const colon = text.indexOf(':', at)
    const end = colon === -1 ? text.length : colon
    const group = hexIn(text, at, end)
    if (group === undefined) {
      // The last two groups may be written as IPv4.
      const v4 = colon === -1 && count <= GROUPS - 2 ? parseV4(text, at) : undefined
      if (v4 === undefined) return undefined
      groups[count++] = v4 >>> 16
      groups[count++] = v4 & 0xffff
      break
    }
    if (count === GROUPS) return undefined
    groups[count++] = group
    if (colon === -1) break
    at = colon + 1
    if (text.charCodeAt(at) === COLON) {
      if (gap !== undefined) return undefined
      gap = count
      at += 1
    } else if (at === text.length) return undefined
  }
  if (gap === undefined ? count !== GROUPS : count === GROUPS) return undefined
  if (gap !== undefined) {
    groups.copyWithin(GROUPS - count + gap, gap, count)
    groups.fill(0, gap, GROUPS - count + gap)
  }
  const [a, b, c, d, e, f, g, h] = groups as [number, number, number, number, number, number, number, number]
  return [(a << 16) | b, (c << 16) | d, (e << 16) | f, (g << 16) | h]
}

/** Of one to four hexadecimal digits. */
function hexIn(text: string, from: number, to: number): number | undefined {
  if (to === from || to - from > 4) return undefined
  let value = 0
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at)
    const lower = code | 32
    if (code >= ZERO && code <= ZERO + 9) value = value * 16 + code - ZERO
    else if (lower >= LOWER_A && lower <= LOWER_A + 5) value = value * 16 + lower - LOWER_A + 10
    else return undefined
  }
  return value
}
