/** What a benchmark's figure is made of: the rows it prints, the plots it draws, and how it is judged. */
import { median } from './support/report.ts'

/** `full` is what is published, `quick` a look, `tiny` only shows that it runs. */
export type Scale = 'full' | 'quick' | 'tiny'

export type Range = readonly [least: number, most: number]

/** What the figure is held against, measured in the same rounds. */
export type Limit = { readonly name: string; readonly value: number; readonly range: Range }

export type Row = {
  readonly name: string
  /** Median of the rounds; absent where it was not measured, and `note` says why. */
  readonly value: number | undefined
  readonly unit: string
  readonly range: Range | undefined
  readonly limit: Limit | undefined
  /** Median of the rounds' own ratios, so that what slows a whole round down does not count. */
  readonly ratio: number | undefined
  readonly ratioRange: Range | undefined
  /** Of the ratio where there is a limit, else of the value. A floor above its aim says that less is better. */
  readonly floor: number | undefined
  readonly aim: number | undefined
  readonly note: string | undefined
}

export type Verdict = 'aim' | 'floor' | 'missed'

export type Bar = { readonly name: string; readonly value: number; readonly range?: Range }

export type Plot =
  | {
      readonly type: 'bars'
      readonly title: string
      readonly unit: string
      readonly bars: readonly Bar[]
      readonly scale?: 'linear' | 'log'
    }
  | {
      readonly type: 'lines'
      readonly title: string
      readonly x: string
      readonly y: string
      readonly lines: readonly {
        readonly name: string
        readonly points: readonly (readonly [number, number])[]
      }[]
    }

export type Measured = {
  readonly rows: readonly Row[]
  readonly plots: readonly Plot[]
  /** What a reader must know to believe the rows. */
  readonly notes: readonly string[]
}

export type Figure = {
  /** What `--only` takes. */
  readonly name: string
  /** `say` tells of progress, a line at a time. */
  measure(scale: Scale, say: (line: string) => void): Promise<Measured>
}

export type RowParts = {
  readonly name: string
  readonly unit: string
  /** One a round. */
  readonly values: readonly number[]
  /** The same rounds', in the same order. */
  readonly limit?: { readonly name: string; readonly values: readonly number[] } | undefined
  /** Value ÷ limit, or the other way round where less of the unit is better. */
  readonly ratioOf?: (value: number, limit: number) => number
  readonly floor?: number
  readonly aim?: number
  readonly note?: string
}

export function makeRow(parts: RowParts): Row {
  const { name, unit, values, limit, floor, aim, note } = parts
  const ratioOf = parts.ratioOf ?? ((value: number, of: number) => value / of)
  const ratios = limit?.values.map((of, round) => ratioOf(values[round] ?? Number.NaN, of))
  return {
    name: limit === undefined ? name : `${name} ÷ ${limit.name}`,
    value: median(values),
    unit,
    range: rangeOf(values),
    limit: limit && { name: limit.name, value: median(limit.values), range: rangeOf(limit.values) },
    ratio: ratios && median(ratios),
    ratioRange: ratios && rangeOf(ratios),
    floor,
    aim,
    note,
  }
}

/** A row for what cannot be measured here, so that nobody takes its absence for an oversight. */
export function absentRow(name: string, note: string, bounds: Pick<RowParts, 'floor' | 'aim'> = {}): Row {
  const { floor, aim } = bounds
  const nothing = { value: undefined, unit: '', range: undefined, limit: undefined }
  return { name, ...nothing, ratio: undefined, ratioRange: undefined, floor, aim, note }
}

/** Undefined where there is nothing to judge, or nothing to judge it by. */
export function verdictOf({ value, limit, ratio, floor, aim }: Row): Verdict | undefined {
  const judged = limit === undefined ? value : ratio
  if (judged === undefined || floor === undefined || aim === undefined) return undefined
  const isLessBetter = floor >= aim
  const reaches = (bound: number) => (isLessBetter ? judged <= bound : judged >= bound)
  return reaches(aim) ? 'aim' : reaches(floor) ? 'floor' : 'missed'
}

/** A bar with its rounds’ range. */
export function barOf(name: string, values: readonly number[]): Bar {
  return { name, value: median(values), range: rangeOf(values) }
}

export function rangeOf(values: readonly number[]): Range {
  return [Math.min(...values), Math.max(...values)]
}
