/**
 * Does the work for each item, so many at a time, in order. After the first failure no more is begun, and `goOn`, to be
 * called at each step of the work, throws in what is under way; rejects with that failure when all have ended.
 */
export async function sideBySide<Item>(
  count: number,
  items: Iterable<Item>,
  work: (item: Item, goOn: () => void) => Promise<void>,
): Promise<void> {
  const waiting = items[Symbol.iterator]()
  let failure: { readonly error: unknown } | undefined
  const goOn = () => {
    if (failure !== undefined) throw new Error('another one has failed')
  }
  const lane = async () => {
    for (let next = waiting.next(); !next.done && failure === undefined; next = waiting.next()) {
      try {
        await work(next.value, goOn)
      } catch (error) {
        failure ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: count }, lane))
  if (failure !== undefined) throw failure.error
}
