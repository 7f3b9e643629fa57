/**
 * One figure in a process of its own, `figure-entry.ts <name> <scale>`: neither the heap nor the compiled code of one
 * figure touches another. Ends with its parent, and whatever it started ends with it.
 */
import type { Measured, Scale } from './figure.ts'
import { FIGURES } from './figures.ts'
import { exitOnSignals } from './support/scratch.ts'

export type FromFigure =
  | { readonly type: 'says'; readonly line: string }
  | { readonly type: 'measured'; readonly measured: Measured }

exitOnSignals()
process.on('disconnect', () => process.exit(1))
const [name = '', scale = 'full'] = process.argv.slice(2)
const figure = await FIGURES[name]?.()
if (figure === undefined) throw new Error(`there is no figure ${name}`)
const tell = (message: FromFigure) => process.send?.(message)
const measured = await figure.measure(scale as Scale, (line) => tell({ type: 'says', line }))
process.send?.({ type: 'measured', measured } satisfies FromFigure, () => process.exit(0))
