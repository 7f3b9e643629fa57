/**
 * Sides measured in turn, round by round, on a machine that is never quiet: what happens to one happens to its neighbour.
 * Whoever goes first finds the machine as the round before left it, so every other round goes backwards.
 */
export async function inRounds<Side extends string, Result>(
  rounds: number,
  sides: Readonly<Record<Side, () => Result | Promise<Result>>>,
  hear: (round: number, results: Readonly<Record<Side, Result>>) => void = () => {},
): Promise<Readonly<Record<Side, readonly Result[]>>> {
  const names = Object.keys(sides) as Side[]
  const all = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Side, Result[]>
  for (let round = 1; round <= rounds; round++) {
    for (const name of round % 2 === 1 ? names : names.toReversed()) all[name].push(await sides[name]())
    const newest = names.map((name) => [name, all[name].at(-1)] as const)
    hear(round, Object.fromEntries(newest) as Record<Side, Result>)
  }
  return all
}
