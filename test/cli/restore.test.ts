/** `npm run restore` and `npm run reconcile` as a person runs them, who errs. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { copyBackup, openBackup } from '../../src/cli/restore/copy-backup.ts'
import { dataPaths, openDataDirectory } from '../../src/persistence/directory.ts'
import { command } from '../support/commands.ts'
import { suite } from '../support/suite.ts'
import { makeEventful } from './workshop.ts'

const root = mkdtempSync(join(tmpdir(), 'holdfast-restore-'))
const at = (name: string) => join(root, name)

const restore = suite('npm run restore', { limitMs: 60_000 })
restore.before(() => {
  mkdirSync(at('full/journal'), { recursive: true })
  writeFileSync(at('full/journal/x'), 'x')
  mkdirSync(at('bare'))
})
restore.after(() => rmSync(root, { recursive: true }))

restore('refuses what it cannot do, and says why', async () => {
  const wrong: readonly (readonly [args: readonly string[], why: RegExp])[] = [
    [['--from', at('bare'), '--to', at('new')], /has no journal/],
    [['--from', at('full'), '--to', at('new')], /holdfast\.json/],
    [['--mark'], /DATABASE_URL/],
    [['--since', 'yesterday'], /--since takes a time/],
  ]
  await Promise.all(
    wrong.map(async ([args, why]) => {
      const { code, out, err } = await command('restore', args)
      assert.equal([code, out], [3, ''], args.join(' '))
      assert.match(err, why)
    }),
  )
})

restore('makes a directory that no server takes before it carries the mark (R1)', async () => {
  const shop = await makeEventful({ segmentBytes: 16 * 1_024, frames: 10 })
  try {
    const backup = openBackup(shop.root)
    const files = copyBackup(backup, dataPaths(at('half')), { withTables: true })
    assert.ok(files > 2)
    assert.throws(() => openDataDirectory(at('half'), { shards: backup.shards }), /no .*holdfast\.json/)
  } finally {
    await shop.remove()
  }
})

restore('explains itself', async () => {
  const { code, out } = await command('restore', ['--help'])
  assert.is(code, 0)
  assert.match(out, /leave a mark|leaves a mark/i)
})

restore.run()

const reconcile = suite('npm run reconcile', { limitMs: 60_000 })

const KEY = { ADMIN_KEY: 'hf_0123456789abcdef' }
reconcile('refuses what it cannot do, and says why', async () => {
  const wrong: readonly (readonly [args: readonly string[], why: RegExp])[] = [
    [['accept', 'pi_1'], /--note/],
    [['lift', '--reason', 'x'], /--yes and --reason/],
    [['status', '--url', 'http://127.0.0.1:9'], /does not answer/],
  ]
  await Promise.all(
    wrong.map(async ([args, why]) => {
      const { code, out, err } = await command('reconcile', args, KEY)
      assert.equal([code, out], [3, ''], args.join(' '))
      assert.match(err, why)
    }),
  )
})

reconcile('explains itself', async () => {
  const { code, out } = await command('reconcile', ['--help'])
  assert.is(code, 0)
  assert.match(out, /lift is for a shop whose provider has no list/)
})

reconcile.run()
