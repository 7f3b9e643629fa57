/** `npm run restore` of a backup whose journal is damaged: what it mends by itself, and what it leaves to somebody. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import * as assert from 'uvu/assert'
import { dataPaths } from '../../src/persistence/directory.ts'
import { command } from '../support/commands.ts'
import { LongFigure } from '../support/long-figure.ts'
import { suite } from '../support/suite.ts'
import { framesOf, segmentsOf, writeAt } from './files.ts'
import { makeEventful } from './workshop.ts'

function isMarked(directory: string): boolean {
  const database = new Database(dataPaths(directory).tables, { readonly: true })
  const found = database.prepare('SELECT cause FROM restorations WHERE lifted_at_ms IS NULL').pluck().all()
  database.close()
  return found.join() === 'restored'
}

const COMMAND = 'node test/support/run.ts --long test/cli/restore-damage.long.ts'
const root = mkdtempSync(join(tmpdir(), 'holdfast-restore-'))
const at = (name: string) => join(root, name)

const restore = suite('npm run restore of a damaged backup', { limitMs: 120_000 })
restore.after(() => rmSync(root, { recursive: true }))

restore('leaves damage that cannot be mended without a loss to somebody, and the mark with it', async () => {
  const shop = await makeEventful({ segmentBytes: 16 * 1_024, frames: 10 })
  try {
    const [path = ''] = segmentsOf(shop)
    const flip = (nth: number, ...bytes: readonly number[]) =>
      writeAt(path, (framesOf(path).at(nth)?.offset ?? 0) + 66, Buffer.from(bytes))
    const byte = readFileSync(path)[(framesOf(path).at(4)?.offset ?? 0) + 66] ?? 0
    flip(4, byte ^ 1)
    const mended = await command('restore', ['--from', shop.root, '--to', at('mended')])
    assert.is(mended.code, 0, mended.err)
    assert.match(mended.out, /single bit|bit is turned back|> bit/)
    assert.ok(isMarked(at('mended')))
    flip(4, 0xaa, 0x55, 0xaa, 0x55)
    const damaged = await command('restore', ['--from', shop.root, '--to', at('damaged')])
    assert.is(damaged.code, 1, damaged.err)
    assert.match(damaged.err, /journal -- repair --data/)
    assert.ok(isMarked(at('damaged')))
    new LongFigure('restore-damage').end({ command: COMMAND, mended: 1, left: 1, seed: 'of the workshop' })
  } finally {
    await shop.remove()
  }
})

restore.run()
