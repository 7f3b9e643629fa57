/** Does something so many times, a fixed number of them under way at once. Rejects with the first failure. */
export async function repeat(
  count: number,
  atOnce: number,
  act: (nr: number) => Promise<unknown>,
): Promise<void> {
  let begun = 0
  const work = async (): Promise<void> => {
    while (begun < count) await act(begun++)
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, work))
}
