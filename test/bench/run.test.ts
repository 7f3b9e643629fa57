/** `npm run bench` as people run it, at its smallest: what it prints, writes and answers with. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import * as assert from 'uvu/assert'
import { type Row, verdictOf } from '../../bench/figure.ts'
import { suite } from '../support/suite.ts'

const RUN = join(import.meta.dirname, '..', '..', 'bench', 'run.ts')

type Outcome = { readonly code: number; readonly stdout: string; readonly stderr: string }
type Written = { readonly figures: readonly { readonly name: string; readonly rows: readonly Row[] }[] }

const test = suite('npm run bench', { limitMs: 60_000 })

test('prints a table, writes JSON and a page, and says by its exit status whether floors were reached', async () => {
  const out = mkdtempSync(join(tmpdir(), 'bench-'))
  try {
    const { code, stdout } = await run(['--tiny', '--only', 'journal-bytes,memory', '--out', out])
    const { figures } = JSON.parse(readFileSync(join(out, 'latest.json'), 'utf8')) as Written
    assert.equal(
      figures.map(({ name }) => name),
      ['journal-bytes', 'memory'],
    )
    const rows = figures.flatMap((figure) => figure.rows)
    for (const { name } of rows) assert.ok(stdout.includes(name), `${name} is in the table`)
    const missed = rows.filter((row) => verdictOf(row) === 'missed')
    assert.is(code, missed.length === 0 ? 0 : 1)
    assert.match(stdout, missed.length === 0 ? /^PASS: /m : /^FAIL: /m)
    assert.match(readFileSync(join(out, 'report.html'), 'utf8'), /<h2>journal-bytes<\/h2>/)
  } finally {
    rmSync(out, { recursive: true })
  }
})

test('knows its figures', async () => {
  const { code, stderr } = await run(['--only', 'spread,speed'])
  assert.is(code, 2)
  assert.match(stderr, /no such figure: speed\. There are spread, hot-product/)
})

test.run()

async function run(args: readonly string[]): Promise<Outcome> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [RUN, ...args])
    return { code: 0, stdout, stderr }
  } catch (error) {
    // What execFile rejects with has what was printed, too.
    return error as Outcome
  }
}
