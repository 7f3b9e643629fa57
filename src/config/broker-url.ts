/** What `EVENTS_URL` says: a broker, or several nodes of one, how to be let in, and where events go there. */
import { nameOf, type RedisAccess, type RedisAddress } from '../redis-url.ts'

export const saslMechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const
export type SaslMechanism = (typeof saslMechanisms)[number]

/** The same for every broker: addresses that are asked first, and who asks. */
export type BrokerAccess = RedisAccess

export type BrokerUrl =
  | { readonly type: 'redis'; readonly access: BrokerAccess; readonly name: string }
  | {
      readonly type: 'kafka'
      readonly access: BrokerAccess
      readonly name: string
      /** How user and password are shown; without meaning where there are none. */
      readonly mechanism: SaslMechanism
    }

export type BrokerUrlResult =
  | { readonly type: 'valid'; readonly url: BrokerUrl }
  /** `expected` without a word of what was received: that may hold a password. */
  | { readonly type: 'invalid'; readonly expected: string }

const SCHEMES = {
  redis: { type: 'redis', tls: false, port: 6_379 },
  rediss: { type: 'redis', tls: true, port: 6_379 },
  kafka: { type: 'kafka', tls: false, port: 9_092 },
  kafkas: { type: 'kafka', tls: true, port: 9_092 },
} as const

const WHOLE =
  /^([a-z]+):\/\/(?:([^@/?#\s]*)@)?([^@/?#\s]+)\/([A-Za-z0-9._:-]{1,200})(?:\?sasl=([a-z0-9-]+))?$/
const TOPIC = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,200}$/
const seedsMax = 32
export const brokerUrlForm =
  'redis://[user:password@]host:port[,host:port…]/stream or kafka://[user:password@]host:port[,host:port…]/topic; rediss:// and kafkas:// with TLS'

/** Reads one URL, which may name several nodes of one broker, separated by commas. */
export function parseBrokerUrl(text: string): BrokerUrlResult {
  const [, scheme = '', user = '', hosts = '', name = '', sasl] = WHOLE.exec(text) ?? []
  if (!isScheme(scheme)) return invalid(brokerUrlForm)
  const { type, tls, port } = SCHEMES[scheme]
  const seeds = hosts.split(',').map((host) => addressOf(host, port))
  const credentials = credentialsOf(user)
  if (!seeds.every((seed) => seed !== undefined) || credentials === undefined) return invalid(brokerUrlForm)
  if (seeds.length > seedsMax || new Set(seeds.map(nameOf)).size < seeds.length)
    return invalid(`${seedsMax} nodes at most, each once`)
  const access = { seeds, tls, ...credentials }
  if (type === 'redis') {
    if (sasl !== undefined) return invalid('?sasl= with kafka:// only')
    return { type: 'valid', url: { type, access, name } }
  }
  if (!TOPIC.test(name)) return invalid('a topic of letters, digits, dots, underscores and hyphens')
  const mechanism = sasl ?? 'scram-sha-512'
  if (!isMechanism(mechanism)) return invalid(`?sasl= one of ${saslMechanisms.join(', ')}`)
  if ((access.username === undefined) !== (access.password === undefined))
    return invalid('user and password, or neither')
  return { type: 'valid', url: { type, access, name, mechanism } }
}

function isScheme(text: string): text is keyof typeof SCHEMES {
  return text in SCHEMES
}

function isMechanism(text: string): text is SaslMechanism {
  return (saslMechanisms as readonly string[]).includes(text)
}

function addressOf(text: string, defaultPort: number): RedisAddress | undefined {
  // Read as http, of which URL knows the rules of hosts and ports.
  if (!URL.canParse(`http://${text}`)) return undefined
  const url = new URL(`http://${text}`)
  const [, given] = /:([0-9]+)$/.exec(text) ?? []
  const port = given === undefined ? defaultPort : Number(given)
  if (url.hostname === '' || port === 0) return undefined
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port }
}

function credentialsOf(
  text: string,
): { readonly username: string | undefined; readonly password: string | undefined } | undefined {
  const at = text.indexOf(':')
  try {
    const username = decodeURIComponent(at === -1 ? text : text.slice(0, at))
    const password = at === -1 ? '' : decodeURIComponent(text.slice(at + 1))
    return { username: username || undefined, password: password || undefined }
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}

function invalid(expected: string): BrokerUrlResult {
  return { type: 'invalid', expected }
}
