/** One number out of a server's metrics, as whoever watches it would read it. */
import type { Api } from './client.ts'

/** Of the first line with this name; undefined where there is none. */
export async function metricOf({ url, key }: Api, name: string): Promise<number | undefined> {
  const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${key}` } })
  const [, value] = new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'm').exec(await response.text()) ?? []
  return value === undefined ? undefined : Number(value)
}
