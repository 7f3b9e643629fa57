/**
 * Addresses and networks of IPv4 and IPv6 as one kind of number: IPv4 stands within ::ffff:0:0/96, so that an address
 * and its IPv4-mapped form are the same.
 */

/** 128 bits in four unsigned words, the first ones first. */
export type IpAddress = readonly [number, number, number, number]

export type Network = {
  readonly address: IpAddress
  /** Of the 128, those that count; what `address` has behind them does not. */
  readonly bits: number
}

const MAPPED = 0xffff
const MAPPED_BITS = 96
const GROUPS = 8
const GROUP = /^[0-9a-fA-F]{1,4}$/
const OCTET = /^(?:0|[1-9][0-9]{0,2})$/
const ZONE = /%[0-9a-zA-Z.:-]+$/
const BITS = /^(?:0|[1-9][0-9]{0,2})$/

/** Undefined where the text is no address. A zone (`%eth0`) names the machine's own end and is left out. */
export function parseIp(text: string): IpAddress | undefined {
  if (!text.includes(':')) {
    const word = parseV4(text)
    return word === undefined ? undefined : [0, 0, MAPPED, word]
  }
  return parseV6(text.replace(ZONE, ''))
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

function parseV4(text: string): number | undefined {
  const octets = text.split('.')
  if (octets.length !== 4) return undefined
  let word = 0
  for (const octet of octets) {
    const value = Number(octet)
    if (!OCTET.test(octet) || value > 255) return undefined
    word = word * 256 + value
  }
  return word
}

function parseV6(text: string): IpAddress | undefined {
  const [head = '', tail, ...more] = text.split('::')
  if (more.length > 0) return undefined
  const before = groupsOf(head, tail === undefined)
  const behind = groupsOf(tail ?? '', true)
  if (before === undefined || behind === undefined) return undefined
  const missing = GROUPS - before.length - behind.length
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  const groups = [...before, ...Array<number>(missing).fill(0), ...behind]
  const word = (at: number) => (groups[at] as number) * 0x1_0000 + (groups[at + 1] as number)
  return [word(0), word(2), word(4), word(6)]
}

/** Groups of 16 bits. The last ones of an address may be written as IPv4. */
function groupsOf(text: string, isEnd: boolean): readonly number[] | undefined {
  if (text === '') return []
  const parts = text.split(':')
  const last = parts.at(-1) as string
  const v4 = isEnd && last.includes('.') ? parseV4(last) : undefined
  const plain = v4 === undefined ? parts : parts.slice(0, -1)
  if (!plain.every((part) => GROUP.test(part))) return undefined
  const groups = plain.map((part) => Number.parseInt(part, 16))
  return v4 === undefined ? groups : [...groups, Math.floor(v4 / 0x1_0000), v4 % 0x1_0000]
}
