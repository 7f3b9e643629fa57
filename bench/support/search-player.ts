/** Callers who search, in a process of their own and each from an address of its own. Each asks again as soon as it is answered. */
import { HttpConnection } from './http-connection.ts'
import { type Latency, latencyOf } from './report.ts'

export type SearchLoad = {
  readonly url: string
  readonly callers: number
  readonly forMs: number
  /** Paths with their kinds, in the order in which they are asked. */
  readonly searches: readonly (readonly [kind: string, path: string])[]
}

export type SearchesPlayed = {
  readonly perSecond: number
  readonly latency: Latency
  readonly byKind: Readonly<Record<string, Latency>>
  /** Statuses other than 200. */
  readonly unexpected: Readonly<Record<string, number>>
  /** How many of them nobody had asked in this load before, of 1. */
  readonly firstTime: number
}

process.on('message', (load) => void play(load as SearchLoad).then((played) => process.send?.(played)))
process.on('disconnect', () => process.exit())

async function play({ url, callers, forMs, searches }: SearchLoad): Promise<SearchesPlayed> {
  const { host } = new URL(url)
  const samples = new Map<string, number[]>()
  const unexpected: Record<string, number> = {}
  const asked = new Set<string>()
  let next = 0
  const endsAt = performance.now() + forMs
  const search = async (_: unknown, caller: number) => {
    const connection = new HttpConnection(url)
    await connection.open()
    while (performance.now() < endsAt) {
      const [kind, path] = searches[next++ % searches.length] as (typeof searches)[number]
      asked.add(path)
      const request = Buffer.from(
        `GET ${path} HTTP/1.1\r\nhost: ${host}\r\nx-forwarded-for: 10.0.0.${caller}\r\n\r\n`,
      )
      const begin = performance.now()
      const status = await new Promise<number>((resolve) => connection.send(request, resolve))
      const tookMs = performance.now() - begin
      if (status !== 200) unexpected[status] = (unexpected[status] ?? 0) + 1
      const ofKind = samples.get(kind)
      if (ofKind === undefined) samples.set(kind, [tookMs])
      else ofKind.push(tookMs)
    }
    connection.close()
  }
  await Promise.all(Array.from({ length: callers }).map(search))
  const all = [...samples.values()].flat()
  return {
    perSecond: (all.length * 1_000) / forMs,
    latency: latencyOf(Float64Array.from(all)),
    byKind: Object.fromEntries(
      [...samples].map(([kind, each]) => [kind, latencyOf(Float64Array.from(each))]),
    ),
    unexpected,
    firstTime: asked.size / next,
  }
}
