/** All that a stream of Redis holds, oldest first. */
import type { Redis } from 'ioredis'
import type { CloudEvent } from '../../src/events/cloud-event.ts'

const PAGE = 1_000

export async function readStream(redis: Redis, stream: string): Promise<CloudEvent[]> {
  const events: CloudEvent[] = []
  for (let from = '-'; ; ) {
    const page = await redis.xrange(stream, from, '+', 'COUNT', PAGE)
    for (const [, [, json = '']] of page) events.push(JSON.parse(json))
    const last = page.at(-1)?.[0]
    if (last === undefined || page.length < PAGE) return events
    from = `(${last}`
  }
}
