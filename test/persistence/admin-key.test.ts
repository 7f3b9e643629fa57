import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { adminKeyOf } from '../../src/persistence/admin-key.ts'
import { realRandom } from '../../src/seams.ts'
import { suite } from '../support/suite.ts'

const scratch = mkdtempSync(join(tmpdir(), 'holdfast-admin-key-'))
let filesCount = 0
const fresh = () => join(scratch, `${++filesCount}.key`)
const random = realRandom()

const test = suite('the admin key')

test('is made at the first start and stored for its owner alone', () => {
  const path = fresh()
  const made = adminKeyOf(undefined, path, random)
  assert.match(made.key, /^hf_admin_[0-9A-Za-z]{40}$/)
  assert.equal(made, { key: made.key, path, made: true })
  assert.is(readFileSync(path, 'utf8'), `${made.key}\n`)
  assert.is(statSync(path).mode & 0o777, 0o600)
})

test('stays the same at every further start', () => {
  const path = fresh()
  const { key } = adminKeyOf(undefined, path, random)
  assert.equal(adminKeyOf(undefined, path, random), { key, path, made: false })
})

test('differs from directory to directory', () => {
  const keys = Array.from({ length: 50 }, () => adminKeyOf(undefined, fresh(), random).key)
  assert.is(new Set(keys).size, 50)
})

test('configured takes the place of the stored one and is stored nowhere', () => {
  const path = fresh()
  const configured = 'configured-admin-key'
  assert.equal(adminKeyOf(configured, path, random), { key: configured, path: undefined, made: false })
  assert.not(existsSync(path))
  const { key } = adminKeyOf(undefined, path, random)
  assert.is(adminKeyOf(configured, path, random).key, configured)
  assert.is(readFileSync(path, 'utf8'), `${key}\n`)
})

test('that others could read is closed to them', () => {
  const path = fresh()
  adminKeyOf(undefined, path, random)
  chmodSync(path, 0o644)
  adminKeyOf(undefined, path, random)
  assert.is(statSync(path).mode & 0o777, 0o600)
})

test('that was damaged is refused, not replaced and not shown', () => {
  for (const text of ['', 'hf_admin', 'two words that are long enough']) {
    const path = fresh()
    writeFileSync(path, text)
    try {
      adminKeyOf(undefined, path, random)
      assert.unreachable('it was taken')
    } catch (error) {
      assert.instance(error, Error)
      assert.match(String(error), path)
      if (text !== '') assert.not.match(String(error), text)
    }
    assert.is(readFileSync(path, 'utf8'), text)
  }
})

test.after(() => rmSync(scratch, { recursive: true, force: true }))
test.run()
