import { argon2Sync } from 'node:crypto'
import * as assert from 'uvu/assert'
import {
  checkArgon2,
  currentCosts,
  hashPassword,
  isBelowCurrent,
  isPasswordHash,
  isPasswordOf,
  nobodysHash,
} from '../../../src/shop/accounts/password-hash.ts'
import { suite } from '../../support/suite.ts'

const salt = Uint8Array.from({ length: 16 }, (_, i) => 7 * i)
const cheap = { memoryKib: 8, passes: 1, lanes: 1 }

const test = suite('the hash of a password')

test('is argon2id as RFC 9106 and OWASP have it, written as a PHC string', () => {
  checkArgon2()
  assert.ok(currentCosts.memoryKib >= 19 * 1_024 && currentCosts.passes >= 2)
  const hash = hashPassword('correct horse', salt)
  assert.match(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  const parameters = { nonce: salt, memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 }
  const tag = argon2Sync('argon2id', { message: 'correct horse', ...parameters }).toString('base64')
  assert.is(hash.split('$').at(-1), tag.replaceAll('=', ''))
})

test('is that of this password and of no other', () => {
  const hash = hashPassword('correct horse', salt, cheap)
  assert.ok(isPasswordOf(hash, 'correct horse'))
  for (const wrong of ['correct hors', 'correct horsé', 'Correct horse', 'correct horse ', '']) {
    assert.not.ok(isPasswordOf(hash, wrong), wrong)
  }
  assert.is.not(
    hashPassword(
      'correct horse',
      salt.map((byte) => byte ^ 1),
      cheap,
    ),
    hash,
  )
})

test('36: of less than the current costs is known as such, of as much or more is not', () => {
  const current = { memoryKib: 32, passes: 2, lanes: 1 }
  const below = (costs: typeof cheap) => isBelowCurrent(hashPassword('x', salt, costs), current)
  assert.ok(below(cheap))
  assert.ok(below({ ...current, memoryKib: 31 }))
  assert.ok(below({ ...current, passes: 1 }))
  assert.not.ok(below(current))
  assert.not.ok(below({ memoryKib: 64, passes: 3, lanes: 2 }))
})

test('nobody has is as dear as everybody’s, and of no password', () => {
  assert.ok(isPasswordHash(nobodysHash))
  assert.not.ok(isBelowCurrent(nobodysHash))
  assert.not.ok(isPasswordOf(nobodysHash, ''))
})

test('is looked at only where it is one', () => {
  for (const text of [
    '',
    'secret',
    '$2b$10$abcdefghijklmnopqrstuv',
    nobodysHash.replace('argon2id', 'argon2i'),
    nobodysHash.replace('v=19', 'v=16'),
    nobodysHash.replace('m=19456', 'm=99999999'),
    `${nobodysHash}$`,
    ` ${nobodysHash}`,
  ]) {
    assert.not.ok(isPasswordHash(text), text)
    assert.throws(() => isPasswordOf(text, 'x'), /PHC/)
  }
})

test.run()
