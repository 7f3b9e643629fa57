/** What `REDIS_URL` says: one Redis, or several nodes of one, and how to be let in. */

export type RedisAddress = { readonly host: string; readonly port: number }

/** The seeds are those that are asked first; a cluster's other nodes are found through them. */
export type RedisAccess = {
  readonly seeds: readonly RedisAddress[]
  readonly tls: boolean
  readonly username: string | undefined
  readonly password: string | undefined
}

export type RedisUrlResult =
  | { readonly type: 'valid'; readonly access: RedisAccess }
  /** `expected` without a word of what was received: that may hold a password. */
  | { readonly type: 'invalid'; readonly expected: string }

const PORT = 6_379
/** Of a cluster, any few that are up suffice. */
const seedsMax = 32
const FORM = 'redis://[user:password@]host:port or rediss://…'

/** Reads one or several URLs, separated by commas. All must give the same user, password and kind of connection. */
export function parseRedisUrl(text: string): RedisUrlResult {
  const parts = text.split(',').map((part) => part.trim())
  if (parts.length > seedsMax) return invalid(`${seedsMax} URLs at most, separated by commas`)
  const nodes = parts.map(parseNode)
  if (!nodes.every((node) => node !== undefined)) return invalid(`${FORM}, several separated by commas`)
  const [first] = nodes
  if (first === undefined) return invalid(FORM)
  if (nodes.some(({ database }) => database !== '0'))
    return invalid('database 0, the only one that a Redis Cluster has, or none named')
  const { tls, username, password } = first
  const isSame = nodes.every(
    (node) => node.tls === tls && node.username === username && node.password === password,
  )
  if (!isSame) return invalid('the same scheme, user and password in each URL: they are nodes of one Redis')
  const seeds = nodes.map(({ host, port }) => ({ host, port }))
  if (new Set(seeds.map(nameOf)).size < seeds.length) return invalid('each node once')
  return { type: 'valid', access: { seeds, tls, username, password } }
}

/** Whether nobody but this machine is at that address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.[0-9]{1,3}){3}$/.test(host)
}

/** For messages and as a key: `host:port`. */
export function nameOf({ host, port }: RedisAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function parseNode(text: string) {
  if (!/^rediss?:\/\/[^\s]+$/.test(text) || !URL.canParse(text)) return undefined
  const url = new URL(text)
  if (url.hostname === '' || url.search !== '' || url.hash !== '') return undefined
  const database = /^(?:\/([0-9]*))?$/.exec(url.pathname)
  const username = decoded(url.username)
  const password = decoded(url.password)
  if (database === null || username === undefined || password === undefined) return undefined
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? PORT : Number(url.port),
    tls: url.protocol === 'rediss:',
    username: username === '' ? undefined : username,
    password: password === '' ? undefined : password,
    database: database[1] || '0',
  }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}

function invalid(expected: string): RedisUrlResult {
  return { type: 'invalid', expected }
}
