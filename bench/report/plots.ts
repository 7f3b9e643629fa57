/** Plots as inline SVG: text, lines and boxes, coloured by the page's variables, so that they follow light and dark. */
import { type Bar, type Plot, type Row, verdictOf } from '../figure.ts'
import { amount, ratioText } from './rows-table.ts'

const WIDTH = 720
/** A line of text above each bar: names are longer than any margin. */
const ROW = 38
const BAR_TOP = 18
const BAR_HEIGHT = 12
const VALUE_WIDTH = 110
const BAR_WIDTH = WIDTH - VALUE_WIDTH
const COLORS = 5
/** How far beyond the aim the overview reaches. */
const SCORE_MAX = 1.25

let lastId = 0

export function plotSvg(plot: Plot): string {
  return plot.type === 'bars' ? barsSvg(plot) : linesSvg(plot)
}

/** Every judged row between nothing and its aim, with its floor marked: one look tells where work is left. */
export function overviewSvg(rows: readonly Row[]): string {
  const judged = rows.flatMap((row) => {
    const verdict = verdictOf(row)
    const { value, limit, ratio, floor, aim } = row
    const shown = limit === undefined ? value : ratio
    if (verdict === undefined || shown === undefined || !floor || !aim) return []
    const isLessBetter = floor >= aim
    const score = (bound: number) => (isLessBetter ? aim / bound : bound / aim)
    return [{ row, verdict, shown, score: Math.max(0, score(shown)), floorAt: score(floor) }]
  })
  const x = (score: number) => (Math.min(score, SCORE_MAX) / SCORE_MAX) * BAR_WIDTH
  const height = judged.length * ROW + 4
  const parts = judged.map(({ row, verdict, shown, score, floorAt }, i) => {
    const top = i * ROW
    const y = top + BAR_TOP
    const unit = row.limit === undefined && row.unit !== '' ? ` ${row.unit}` : ''
    return [
      text(0, top + 13, row.name),
      rect({ x: 0, y, width: BAR_WIDTH, className: 'track' }),
      rect({ x: 0, y, width: Math.max(1, x(score)), className: `bar ${verdict}` }),
      tick(x(floorAt), y, 'floor'),
      tick(x(1), y, 'aim'),
      text(BAR_WIDTH + 10, y + 10, `${ratioText(shown)}${unit}`, 'value'),
    ].join('')
  })
  return svg('Every judged figure on the way to its aim', height, parts.join(''))
}

function barsSvg({ title, unit, bars, scale = 'linear' }: Extract<Plot, { type: 'bars' }>): string {
  const values = bars.flatMap(({ value, range }) => [value, ...(range ?? [])])
  const most = Math.max(...values, Number.MIN_VALUE)
  const least = Math.min(...values.filter((value) => value > 0), most)
  const from = Math.log10(least) - 1
  const x = (value: number): number => {
    if (scale === 'linear') return (value / most) * BAR_WIDTH
    if (value <= 0) return 0
    return ((Math.log10(value) - from) / (Math.log10(most) - from)) * BAR_WIDTH
  }
  const parts = bars.map((bar, i) => barParts(bar, { top: i * ROW, unit, x }))
  const suffix = scale === 'log' ? ' (logarithmic)' : ''
  return svg(`${title}${suffix}`, bars.length * ROW + 4, parts.join(''))
}

function barParts(
  { name, value, range }: Bar,
  at: { readonly top: number; readonly unit: string; readonly x: (value: number) => number },
): string {
  const { top, unit, x } = at
  const y = top + BAR_TOP
  const middle = y + BAR_HEIGHT / 2
  const isWide = range !== undefined && range[0] !== range[1]
  return [
    text(0, top + 13, name),
    rect({ x: 0, y, width: Math.max(1, x(value)), className: 'bar c0' }),
    isWide ? line([x(range[0]), middle], [x(range[1]), middle], 'range') : '',
    text(BAR_WIDTH + 10, y + 10, `${amount(value, unit)}${unit === '' ? '' : ` ${unit}`}`, 'value'),
  ].join('')
}

const AREA = { left: 64, top: 12, width: WIDTH - 84, height: 220 } as const

/** Logarithmic along, from nothing up. */
function linesSvg({ title, x: xName, y: yName, lines }: Extract<Plot, { type: 'lines' }>): string {
  const points = lines.flatMap((one) => one.points)
  const xs = [...new Set(points.map(([x]) => x))].toSorted((left, right) => left - right)
  const most = Math.max(...points.map(([, y]) => y), 1)
  const [first = 1, last = 1] = [xs[0], xs.at(-1)]
  const reach = Math.log2(last / first) || 1
  const { left, top, width, height } = AREA
  const bottom = top + height
  const x = (value: number) => left + (Math.log2(value / first) / reach) * width
  const y = (value: number) => bottom - (value / most) * height
  const parts = [
    ...[0, 0.25, 0.5, 0.75, 1].map((share) => {
      const at = y(most * share)
      return (
        line([left, at], [left + width, at], 'grid') +
        text(left - 6, at + 4, amount(most * share, '/s'), 'end')
      )
    }),
    ...xs.map((value) => text(x(value), bottom + 16, amount(value, '/s'), 'middle')),
    text(left + width / 2, bottom + 32, xName, 'middle'),
    text(left + 4, top - 2, yName, 'value'),
    ...lines.flatMap(({ name, points }, i) => {
      const path = points.map(([px, py]) => `${round(x(px))},${round(y(py))}`).join(' ')
      const color = `c${i % COLORS}`
      const legend = bottom + 50 + i * 18
      return [
        `<polyline class="line ${color}" points="${path}"/>`,
        ...points.map(
          ([px, py]) => `<circle class="dot ${color}" cx="${round(x(px))}" cy="${round(y(py))}" r="3"/>`,
        ),
        line([left, legend - 4], [left + 24, legend - 4], `line ${color}`),
        text(left + 32, legend, name),
      ]
    }),
  ]
  return svg(title, bottom + 50 + lines.length * 18, parts.join(''))
}

function svg(title: string, height: number, inside: string): string {
  const id = `plot-${++lastId}`
  return `<figure><figcaption id="${id}">${escapeHtml(title)}</figcaption><svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="${id}">${inside}</svg></figure>`
}

function text(x: number, y: number, content: string, className = ''): string {
  const named = className === '' ? '' : ` class="${className}"`
  return `<text x="${round(x)}" y="${round(y)}"${named}>${escapeHtml(content)}</text>`
}

function rect(box: { x: number; y: number; width: number; className: string }): string {
  const { x, y, width, className } = box
  return `<rect class="${className}" x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${BAR_HEIGHT}" rx="2"/>`
}

function tick(x: number, y: number, className: string): string {
  return line([x, y - 3], [x, y + BAR_HEIGHT + 3], `tick ${className}`)
}

function line(from: readonly [number, number], to: readonly [number, number], className: string): string {
  const [x1, y1, x2, y2] = [...from, ...to].map(round)
  return `<line class="${className}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

export function escapeHtml(content: string): string {
  return content
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
