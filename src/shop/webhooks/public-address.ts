/** Which addresses are the world's, and which are this machine's, its neighbours' or its provider's (attack 41). */
import { contains, type IpAddress, type Network, parseIp, parseNetwork } from '../../ip-address.ts'

/** By the special-purpose registries of IANA (RFC 6890 and what followed), and what clouds answer their guests on. */
const REFUSED_V4 = [
  '0.0.0.0/8', // "this network": Linux takes it for the machine itself
  '10.0.0.0/8',
  '100.64.0.0/10', // behind carriers' NAT, and Alibaba's metadata
  '127.0.0.0/8',
  '168.63.129.16', // Azure's, from inside
  '169.254.0.0/16', // link-local, and most clouds' metadata
  '172.16.0.0/12',
  '192.0.0.0/24', // Oracle's metadata too
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]
/** Of IPv6 only global unicast is the world's. So loopback, ULA, link-local, multicast, NAT64 (64:ff9b::) are not. */
const GLOBAL_V6 = '2000::/3'
const REFUSED_V6 = [
  '2001::/23', // protocols' own, Teredo among them, which carries IPv4
  '2001:db8::/32',
  '2002::/16', // 6to4 carries IPv4
  '3fff::/20',
]
/** Refused in a private network too: no service of one's own is there, and the cloud's secrets are. */
const NEVER = ['169.254.0.0/16', '168.63.129.16', '0.0.0.0/8', '::/128', 'fe80::/10', 'fd00:ec2::/32']
const MAPPED = networkOf('::ffff:0:0/96')
const GLOBAL = networkOf(GLOBAL_V6)
const REFUSED_V4_NETWORKS = REFUSED_V4.map(networkOf)
const REFUSED_V6_NETWORKS = REFUSED_V6.map(networkOf)
const NEVER_NETWORKS = NEVER.map(networkOf)

/** Whether a stranger's URL may lead there. With private networks allowed, whether one of one's own may. */
export function mayBeReached(text: string, { allowsPrivate }: { readonly allowsPrivate: boolean }): boolean {
  const address = text.includes('%') ? undefined : parseIp(text)
  if (address === undefined) return false
  return allowsPrivate ? !isIn(NEVER_NETWORKS, address) : isPublic(address)
}

/** An IPv4 address within IPv6 is the IPv4 address. */
function isPublic(address: IpAddress): boolean {
  if (contains(MAPPED, address)) return !isIn(REFUSED_V4_NETWORKS, address)
  return contains(GLOBAL, address) && !isIn(REFUSED_V6_NETWORKS, address)
}

function isIn(networks: readonly Network[], address: IpAddress): boolean {
  return networks.some((network) => contains(network, address))
}

function networkOf(text: string): Network {
  const network = parseNetwork(text)
  if (network === undefined) throw new Error(`${text} is no network`)
  return network
}
