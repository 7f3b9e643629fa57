import * as assert from 'uvu/assert'
import { commonPasswords } from '../../../src/shop/accounts/common-passwords.ts'
import { faultOfPassword, normalPassword } from '../../../src/shop/accounts/password-rules.ts'
import { suite } from '../../support/suite.ts'

const ANN = { email: 'ann.lee@example.com', name: 'Ann Lee-Smith' }
const fault = (password: string, owner = ANN) => faultOfPassword(password, owner)

const test = suite('a new password (37)')

test('has 8 to 128 characters, as people count them', () => {
  assert.match(fault('x') ?? '', '8 characters or more')
  assert.match(fault('kestrel') ?? '', '8 characters or more')
  assert.is(fault('kestrels'), undefined)
  assert.match(fault('💥💣🔥💧🌊🌪🌈') ?? '', '8 characters or more', 'seven, though sixteen units')
  assert.is(fault('💥💣🔥💧🌊🌪🌈🌋'), undefined)
  assert.is(fault('kestrel '.repeat(16)), undefined)
  assert.match(fault(`${'kestrel '.repeat(16)}x`) ?? '', '128 characters or fewer')
})

test('may be of any characters, and of one kind only', () => {
  for (const password of [
    'corre horse bat',
    '7302 1184 2259',
    'ключ от сарая',
    '鍵は庭の石の下に',
    'mmmnnnooo',
  ]) {
    assert.is(fault(password), undefined, password)
  }
})

test('is none of those that everybody tries first, however it is spelt', () => {
  assert.ok(commonPasswords.size > 500)
  for (const common of commonPasswords)
    assert.ok(common === common.toLowerCase() && common.length >= 8, common)
  for (const password of [
    'password',
    'PASSWORD',
    'Password123',
    'ｐａｓｓｗｏｒｄ',
    '12345678',
    'qwertyuiop',
    'iloveyou1',
  ]) {
    assert.match(fault(password) ?? '', 'everybody tries first', password)
  }
  for (const password of ['aaaaaaaa', 'abababababab', '        ']) {
    assert.match(fault(password) ?? '', 'everybody tries first', password)
  }
})

test('is more than what is known of its owner', () => {
  for (const password of [
    'ann.lee@example.com',
    'ANN.LEE@EXAMPLE.COM',
    'ann.lee12345',
    'lee-smith2026',
    'Ann Lee-Smith!',
  ]) {
    assert.match(fault(password) ?? '', 'your name or e-mail', password)
  }
  assert.is(fault('ann.lee keeps bees'), undefined)
  assert.is(fault('planning ahead', { email: 'a@example.com', name: 'Al' }), undefined)
})

test('is the same however it was typed', () => {
  assert.is(normalPassword('e\u0301te\u0301'), normalPassword('\u00e9t\u00e9'))
})

test.run()
