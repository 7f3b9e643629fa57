/** The table of all figures, for a terminal and for Markdown alike: what is held against what, and how it came out. */
import { type Range, type Row, type Verdict, verdictOf } from '../figure.ts'
import { ms, table, thousands } from '../support/report.ts'

export const HEAD = ['figure', 'measured', 'limit', 'ratio', 'floor', 'aim', ''] as const

const VERDICTS: Readonly<Record<Verdict, string>> = { aim: 'aim', floor: 'ok', missed: 'MISSED' }

export function rowsTable(rows: readonly Row[]): string {
  return table([HEAD, ...rows.map(cellsOf)])
}

/** One row's cells, in the order of `HEAD`. */
export function cellsOf(row: Row): readonly string[] {
  const { name, value, unit, limit, ratio, floor, aim, note } = row
  const verdict = verdictOf(row)
  return [
    name,
    value === undefined
      ? (note ?? '')
      : `${amount(value, unit)}${unit === '' ? '' : ` ${unit}`}${spreadOf(row.range)}`,
    limit === undefined ? '' : `${amount(limit.value, unit)}${spreadOf(limit.range)}`,
    ratio === undefined ? '' : `${ratioText(ratio)}${spreadOf(row.ratioRange)}`,
    floor === undefined ? '' : ratioText(floor),
    aim === undefined ? '' : ratioText(aim),
    verdict === undefined ? '' : VERDICTS[verdict],
  ]
}

/** As many digits as such a number deserves. */
export function amount(value: number, unit: string): string {
  if (unit === '/s' || Math.abs(value) >= 1_000) return thousands(value)
  if (unit === 'ms' || unit === 's') return ms(value)
  return value.toFixed(Number.isInteger(value) ? 0 : 1)
}

export function ratioText(ratio: number): string {
  if (ratio >= 100) return thousands(ratio)
  return Number.isInteger(ratio) ? String(ratio) : ratio.toFixed(ratio >= 10 ? 1 : 2)
}

/** ` ±7 %`: half of what lies between the least and the most of the rounds. Nothing where there was one round. */
function spreadOf(range: Range | undefined): string {
  if (range === undefined) return ''
  const [least, most] = range
  const middle = (least + most) / 2
  if (least === most || middle === 0) return ''
  return ` ±${Math.round(((most - least) / 2 / middle) * 100)} %`
}
