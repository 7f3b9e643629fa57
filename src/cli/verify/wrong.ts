/** What an event says that cannot be so, in a sentence; undefined where all is well. */
export type Wrong = string

/** What came to its end is remembered for so long: longer than shards can be apart in what they have heard. */
export const rememberedMs: number = 2 * 86_400_000

/** Drops what was put into a map longer ago than that. The map is in the order of its times. */
export function forgetOld<Key, Kept>(
  map: Map<Key, Kept>,
  nowMs: number,
  atMsOf: (kept: Kept) => number,
): void {
  for (const [key, kept] of map) {
    if (atMsOf(kept) > nowMs - rememberedMs) return
    map.delete(key)
  }
}
