/**
 * Where a webhook may go. Its URL is a stranger's: whoever may name one could otherwise have this server knock on doors that
 * are closed to them (server-side request forgery, attack 41).
 *
 * D1  https, unless a setting allows http; no user, no fragment; ports 443 and 80, and those from 1024 on.
 * D2  Every address that the name resolves to must be the world's, or none is tried: a name may have one of each.
 * D3  The connection goes to the very address that was looked at. A second look-up could answer otherwise.
 * D4  Nothing is followed: where it was sent on to would be a URL that nobody looked at.
 */
import { isIP } from 'node:net'
import { mayBeReached } from './public-address.ts'

export type DestinationPolicy = {
  readonly allowsHttp: boolean
  /** For development and tests: subscribers in one's own network, this machine included. */
  readonly allowsPrivate: boolean
}

export type UrlTrouble =
  | 'not-a-url'
  | 'not-https'
  | 'has-credentials'
  | 'has-fragment'
  | 'bad-port'
  | 'private-address'
export type Destination = {
  readonly url: URL
  readonly address: string
  readonly family: 4 | 6
}
export type Resolved =
  | { readonly type: 'resolved'; readonly destination: Destination }
  | { readonly type: 'refused'; readonly why: UrlTrouble | 'unknown-host' }

/** All addresses of a name; rejects or answers none where there are none. */
export type Resolve = (host: string) => Promise<readonly string[]>

export const urlLengthMax = 2_048
const portUnprivilegedMin = 1_024
const WEB_PORTS = [443, 80]

/** What is wrong with it, as far as can be seen without asking anybody; undefined where nothing is. */
export function urlTroubleIn(text: string, policy: DestinationPolicy): UrlTrouble | undefined {
  const url = urlOf(text)
  if (url === undefined) return 'not-a-url'
  if (url.protocol !== 'https:' && !(policy.allowsHttp && url.protocol === 'http:')) return 'not-https'
  if (url.username !== '' || url.password !== '') return 'has-credentials'
  if (text.includes('#')) return 'has-fragment'
  const port = portOf(url)
  if (!WEB_PORTS.includes(port) && port < portUnprivilegedMin) return 'bad-port'
  const host = hostOf(url)
  return isIP(host) !== 0 && !mayBeReached(host, policy) ? 'private-address' : undefined
}

/** Where exactly to connect, D1 and D2 having been looked at now: policies and names change after a URL was accepted. */
export async function resolveDestination(
  text: string,
  policy: DestinationPolicy,
  resolve: Resolve,
): Promise<Resolved> {
  const trouble = urlTroubleIn(text, policy)
  const url = urlOf(text)
  if (trouble !== undefined || url === undefined) return { type: 'refused', why: trouble ?? 'not-a-url' }
  const host = hostOf(url)
  const addresses = isIP(host) === 0 ? await resolve(host).catch(unresolved) : [host]
  const [address] = addresses
  if (address === undefined) return { type: 'refused', why: 'unknown-host' }
  if (!addresses.every((each) => mayBeReached(each, policy)))
    return { type: 'refused', why: 'private-address' }
  return { type: 'resolved', destination: { url, address, family: isIP(address) === 6 ? 6 : 4 } }
}

export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port)
  return url.protocol === 'https:' ? 443 : 80
}

/** Without the brackets of IPv6. What else stands for an address (hexadecimal, one number) the URL's parser has made plain. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '')
}

function urlOf(text: string): URL | undefined {
  if (text.length > urlLengthMax || !URL.canParse(text)) return undefined
  return new URL(text)
}

function unresolved(error: unknown): readonly string[] {
  if (error instanceof Error && 'code' in error) return []
  throw error
}
