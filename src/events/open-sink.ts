/** The broker that the settings name. Its client is loaded here, and with it alone. */
import type { Clock, Timers } from '../seams.ts'
import type { EventSink } from './event-sink.ts'
import type { BrokerConfig } from './events-protocol.ts'

export async function openSink(
  broker: BrokerConfig,
  seams: { readonly clock: Clock; readonly timers: Timers },
): Promise<EventSink> {
  if (broker.type === 'kafka') {
    const { KafkaSink } = await import('./kafka/kafka-sink.ts')
    const { access, topic, mechanism } = broker
    return new KafkaSink({ access, topic, mechanism, timers: seams.timers })
  }
  const { RedisSink } = await import('./redis/redis-sink.ts')
  const { access, stream, lengthMax } = broker
  return new RedisSink({ access, stream, lengthMax, ...seams })
}
