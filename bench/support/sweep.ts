/** Each rival at its best: tries every setting for a moment, and keeps the quickest. */

export type Tried<Point> = { readonly point: Point; readonly perSecond: number }

export async function sweep<Point>(
  points: readonly Point[],
  measure: (point: Point) => Promise<number>,
): Promise<{ readonly best: Point; readonly tried: readonly Tried<Point>[] }> {
  const [first] = points
  if (first === undefined) throw new Error('a sweep needs a setting')
  await measure(first) // warms up
  const tried: Tried<Point>[] = []
  for (const point of points) tried.push({ point, perSecond: await measure(point) })
  const best = tried.reduce((left, right) => (right.perSecond > left.perSecond ? right : left))
  return { best: best.point, tried }
}
