/** The settings of telling other systems what happens. */
import { isLoopback } from '../redis-url.ts'
import { text, whole, withoutEndSlashes } from '../setting.ts'
import { type BrokerAccess, brokerUrlForm, parseBrokerUrl, type SaslMechanism } from './broker-url.ts'
import type { SettingsReader } from './secret.ts'

export type EventsConfig =
  /** Nobody is told. */
  | { readonly type: 'none' }
  | {
      readonly type: 'redis'
      readonly access: BrokerAccess
      readonly stream: string
      /** About how many events the stream keeps. */
      readonly lengthMax: number | undefined
      readonly source: string
    }
  | {
      readonly type: 'kafka'
      readonly access: BrokerAccess
      readonly topic: string
      readonly mechanism: SaslMechanism
      readonly source: string
    }

const lengthMaxRange: readonly [number, number] = [1_000, 1_000_000_000]

export const eventSettings = {
  eventsUrl: {
    ...text('EVENTS_URL', /^[^\0]{1,8000}$/, undefined, {
      expected: brokerUrlForm,
      meaning:
        'Broker that is told of all that happens, as CloudEvents: a Redis and the key of a stream, or Kafka and a topic; several nodes separated by commas',
      example: 'kafkas://holdfast:…@10.0.0.8:9092,10.0.0.9:9092/holdfast',
      fallbackText: 'none: nobody is told',
    }),
    secret: true,
  },
  eventsUrlFile: text('EVENTS_URL_FILE', /^[^\0]{1,4000}$/, undefined, {
    expected: 'a path',
    meaning: 'File that holds it, instead',
    example: '/run/secrets/events_url',
    fallbackText: 'none',
  }),
  eventsSource: text('EVENTS_SOURCE', /^[A-Za-z0-9._~:/-]{1,200}$/, '/holdfast', {
    expected: 'a URI or path of letters, digits and ._~:/-',
    meaning:
      'What the `source` of events begins with; another one for each Holdfast that tells the same consumers',
    example: 'https://shop.example/holdfast',
  }),
  eventsLengthMax: whole('EVENTS_LENGTH_MAX', [lengthMaxRange[0], lengthMaxRange[1]], undefined, {
    meaning: 'About how many events a Redis stream keeps; whoever is further behind misses those before',
    example: '10000000',
    fallbackText: 'all of them',
  }),
}

export function readEvents(
  { take, secret, report, isGiven }: SettingsReader,
  mode: 'development' | 'test' | 'production',
  warnings: string[],
): EventsConfig {
  const { eventsUrl: value, eventsUrlFile: file, eventsSource, eventsLengthMax } = eventSettings
  const url = secret({ value, file })
  const source = withoutEndSlashes(take(eventsSource))
  const lengthMax = take(eventsLengthMax)
  if (url.type !== 'given') {
    const alone = [eventsSource, eventsLengthMax].filter(isGiven).map(({ variable }) => variable)
    if (url.type === 'absent' && alone.length > 0)
      warnings.push(`${alone.join(', ')} without EVENTS_URL: nobody is told of events.`)
    return { type: 'none' }
  }
  const shown = `${url.text.length} characters, not shown`
  const parsed = parseBrokerUrl(url.text)
  if (parsed.type === 'invalid') {
    report(url.source, shown, parsed.expected)
    return { type: 'none' }
  }
  const { access, name } = parsed.url
  const isProtected = access.tls && access.password !== undefined
  if (mode === 'production' && !isProtected && !access.seeds.every(({ host }) => isLoopback(host)))
    report(url.source, shown, 'in production with TLS and a password, unless it is on this machine')
  if (parsed.url.type === 'redis') return { type: 'redis', access, stream: name, lengthMax, source }
  if (lengthMax !== undefined)
    warnings.push('EVENTS_LENGTH_MAX is for a Redis stream; how long a topic keeps events, Kafka is told.')
  return { type: 'kafka', access, topic: name, mechanism: parsed.url.mechanism, source }
}
