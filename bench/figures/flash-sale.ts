/**
 * The flash sale, as `npm run bench:flash-sale` plays it (bench/flash-sale.ts says how): 1,000 buyers for 5 units, and
 * 20,000 buyers for 1,000 units while the rest of the catalog keeps selling. Its verdict is read from the durable journal.
 */
import { execFile } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Figure, type Measured, makeRow, type Row, type Scale } from '../figure.ts'
import type { Latency } from '../support/report.ts'
import { makeScratch } from '../support/scratch.ts'

type Result = {
  readonly few: Crowd
  readonly many: Crowd
  readonly steady: { readonly before: Latency; readonly during: Latency }
  readonly verdict: { readonly oversold: number; readonly checks: readonly Check[] }
}
type Crowd = { readonly press: Latency; readonly pressesPerSecond: number }
type Check = { readonly what: string; readonly passed: boolean; readonly seen: string }

const SCRIPT = join(import.meta.dirname, '..', 'flash-sale.ts')

export const flashSale: Figure = { name: 'flash-sale', measure }

async function measure(scale: Scale): Promise<Measured> {
  const scratch = makeScratch('flash-sale-figure')
  const json = join(scratch, 'result.json')
  const args = [SCRIPT, '--json', json, ...(scale === 'full' ? [] : ['--quick'])]
  // A missed verdict ends it with 1, and stands in what it wrote.
  await promisify(execFile)(process.execPath, args).catch(() => {})
  const { few, many, steady, verdict } = JSON.parse(readFileSync(json, 'utf8')) as Result
  rmSync(scratch, { recursive: true })
  const failed = verdict.checks.filter(({ passed }) => !passed)
  const none = { floor: 0, aim: 0 }
  return {
    rows: [
      makeRow({ name: 'flash sale: units oversold', unit: '', values: [verdict.oversold], ...none }),
      makeRow({
        name: 'flash sale: checks of the journal that failed',
        unit: '',
        values: [failed.length],
        ...none,
      }),
      ...crowdRows('few units', few),
      ...crowdRows('many units', many),
      latencyRow('the rest of the catalog before the crowd, p99', steady.before),
      latencyRow('the rest of the catalog beside the crowd, p99', steady.during),
    ],
    plots: [],
    notes: failed.map(({ what, seen }) => `Flash sale: ${what} failed (${seen}).`),
  }
}

function crowdRows(name: string, { press, pressesPerSecond }: Crowd): Row[] {
  return [
    makeRow({ name: `flash sale, ${name}: presses answered`, unit: '/s', values: [pressesPerSecond] }),
    latencyRow(`flash sale, ${name}: press to answer, p99`, press),
  ]
}

function latencyRow(name: string, { p99 }: Latency): Row {
  return makeRow({ name, unit: 'ms', values: [p99] })
}
