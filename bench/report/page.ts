/** The report: one HTML file that needs nothing beside it, no script, no font and no host. */
import { type Measured, type Row, type Scale, verdictOf } from '../figure.ts'
import { escapeHtml, overviewSvg, plotSvg } from './plots.ts'
import { cellsOf, HEAD } from './rows-table.ts'

export type Report = {
  readonly machine: string
  /** RFC 3339. */
  readonly startedAt: string
  readonly scale: Scale
  readonly figures: readonly (Measured & { readonly name: string })[]
  /** Figures that could not be measured, and why. */
  readonly failures: readonly string[]
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #59636e; --paper: #fff; --edge: #d1d9e0; --track: #eceff2;
  --aim: #1a7f37; --floor: #9a6700; --missed: #cf222e; --c0: #0969da; --c1: #bc4c00; --c2: #1a7f37; --c3: #8250df; --c4: #bf3989 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --dim: #9198a1; --paper: #0d1117; --edge: #3d444d; --track: #21262d;
    --aim: #3fb950; --floor: #d29922; --missed: #f85149; --c0: #4493f8; --c1: #f0883e; --c2: #3fb950; --c3: #ab7df8; --c4: #db61a2 }
}
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2.5rem }
.dim { color: var(--dim) }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { border-bottom: 1px solid var(--edge); padding: .35rem .6rem; text-align: right; white-space: nowrap; vertical-align: top }
th:first-child, td:first-child { text-align: left; white-space: normal; min-width: 18rem }
td.note { text-align: left; white-space: normal; color: var(--dim) }
.aim { color: var(--aim) } .floor { color: var(--floor) } .missed { color: var(--missed); font-weight: 600 }
figure { margin: 1.5rem 0; max-width: 46rem }
figcaption { font-weight: 600; margin-bottom: .4rem }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif }
svg text { fill: var(--ink) } svg text.value { fill: var(--dim) }
svg text.end { text-anchor: end; fill: var(--dim) } svg text.middle { text-anchor: middle; fill: var(--dim) }
.track { fill: var(--track) }
.bar.aim { fill: var(--aim) } .bar.floor { fill: var(--floor) } .bar.missed { fill: var(--missed) } .bar.c0 { fill: var(--c0) }
.range, .tick { stroke: var(--ink); stroke-width: 1.5 } .tick.floor { stroke-dasharray: 3 2 }
.grid { stroke: var(--edge) }
.line { fill: none; stroke-width: 2 }
${[0, 1, 2, 3, 4].map((i) => `.line.c${i} { stroke: var(--c${i}) } .dot.c${i} { fill: var(--c${i}) }`).join('\n')}
`

export function reportPage({ machine, startedAt, scale, figures, failures }: Report): string {
  const rows = figures.flatMap(({ rows }) => rows)
  const judged = rows.map(verdictOf).filter((verdict) => verdict !== undefined)
  const reached = judged.filter((verdict) => verdict !== 'missed').length
  const look =
    scale === 'full' ? '' : ` A ${scale} run, with small loads and few rounds: not for publication.`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Holdfast: benchmarks</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Holdfast: benchmarks</h1>
<p class="dim">${escapeHtml(machine)}. Begun ${escapeHtml(startedAt)}.${look}</p>
<p><strong>${reached} of ${judged.length} floors reached.</strong> Every figure stands beside its limit, measured in the same rounds. Medians; ± is half of what lies between the least and the most of the rounds. A ratio is the median of the rounds’ own ratios.</p>
${failures.map((failure) => `<p class="missed">Not measured: ${escapeHtml(failure)}</p>`).join('\n')}
${overviewSvg(rows)}
<p class="dim">Each bar is the figure’s share of its aim (solid mark); the dashed mark is its floor.</p>
${figures.map(sectionOf).join('\n')}
</main>
</body>
</html>
`
}

function sectionOf({ name, rows, plots, notes }: Report['figures'][number]): string {
  const head = HEAD.map((cell) => `<th scope="col">${escapeHtml(cell === '' ? 'verdict' : cell)}</th>`).join(
    '',
  )
  return `<section>
<h2>${escapeHtml(name)}</h2>
<div class="scroll"><table>
<thead><tr>${head}</tr></thead>
<tbody>
${rows.map(rowOf).join('\n')}
</tbody>
</table></div>
${notes.map((note) => `<p class="dim">${escapeHtml(note)}</p>`).join('\n')}
${plots.map(plotSvg).join('\n')}
</section>`
}

function rowOf(row: Row): string {
  const verdict = verdictOf(row)
  const cells = cellsOf(row).map((cell, i) => {
    const isVerdict = i === HEAD.length - 1
    return `<td${isVerdict && verdict !== undefined ? ` class="${verdict}"` : ''}>${escapeHtml(cell)}</td>`
  })
  const noted = row.note !== undefined && row.value !== undefined
  const note = noted
    ? `\n<tr><td class="note" colspan="${HEAD.length}">${escapeHtml(row.note ?? '')}</td></tr>`
    : ''
  return `<tr>${cells.join('')}</tr>${note}`
}
