/**
 * `npm run bench`: measures every figure, and writes a table to standard output, and JSON and a report to `bench/results`.
 *
 *   --quick          a look of a minute or two, with smaller loads and one round: not for publication
 *   --only NAME,…    only these figures
 *   --out DIRECTORY  where `latest.json` and `report.html` go
 *
 * Exits with 1 where a floor is missed or a figure could not be measured.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Measured, type Scale, verdictOf } from './figure.ts'
import type { FromFigure } from './figure-entry.ts'
import { FIGURES } from './figures.ts'
import { type Report, reportPage } from './report/page.ts'
import { rowsTable } from './report/rows-table.ts'
import { startFigure } from './support/children.ts'
import { machineLine } from './support/report.ts'

const options = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    // Smaller still: only shows that everything runs.
    tiny: { type: 'boolean', default: false },
    only: { type: 'string' },
    out: { type: 'string', default: join(import.meta.dirname, 'results') },
  },
}).values
const scale: Scale = options.tiny ? 'tiny' : options.quick ? 'quick' : 'full'
const names = options.only?.split(',') ?? Object.keys(FIGURES)
const unknown = names.filter((name) => !(name in FIGURES))
if (unknown.length > 0) {
  console.error(`no such figure: ${unknown.join(', ')}. There are ${Object.keys(FIGURES).join(', ')}`)
  process.exit(2)
}

const machine = machineLine()
const startedAt = new Date()
console.log(`${machine}; ${scale}\n`)
const figures: Report['figures'][number][] = []
const failures: string[] = []
for (const name of names) {
  console.error(`${name} …`)
  try {
    figures.push({ name, ...(await measure(name)) })
  } catch (error) {
    failures.push(`${name}: ${(error as Error).message}`)
    console.error(`  ${(error as Error).message}`)
  }
}
const rows = figures.flatMap(({ rows }) => rows)
console.log(rowsTable(rows))
for (const note of figures.flatMap(({ notes }) => notes)) console.log(`\n${note}`)

const report: Report = { machine, startedAt: startedAt.toISOString(), scale, figures, failures }
const out = resolve(options.out)
mkdirSync(out, { recursive: true })
writeFileSync(join(out, 'latest.json'), `${JSON.stringify(report, null, 2)}\n`)
writeFileSync(join(out, 'report.html'), reportPage(report))
console.log(`\n${join(out, 'latest.json')} and report.html`)

const missed = rows.filter((row) => verdictOf(row) === 'missed')
const judged = rows.filter((row) => verdictOf(row) !== undefined)
for (const { name } of missed) console.log(`below its floor: ${name}`)
for (const failure of failures) console.log(`not measured: ${failure}`)
const passed = missed.length === 0 && failures.length === 0
console.log(
  `\n${passed ? 'PASS' : 'FAIL'}: ${judged.length - missed.length} of ${judged.length} floors reached`,
)
process.exitCode = passed ? 0 : 1

function measure(name: string): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const child = startFigure(name, scale)
    child.on('message', (message) => {
      const told = message as FromFigure
      if (told.type === 'says') console.error(`  ${told.line}`)
      else resolve(told.measured)
    })
    child.once('exit', (code, signal) => reject(new Error(`it ended with ${code ?? signal}`)))
  })
}
