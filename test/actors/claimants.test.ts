import * as assert from 'uvu/assert'
import { KeyClaimants } from '../../src/actors/claimants.ts'
import type { KeyHash } from '../../src/domain/key-table.ts'
import { claimUsedMs } from '../../src/limits.ts'
import { suite } from '../support/suite.ts'

const [key, other] = ['k'.repeat(16), 'o'.repeat(16)] as [KeyHash, KeyHash]
const claimants = suite('a claimed key')

claimants('is given back when whoever claimed it has come to nothing', () => {
  const known = new KeyClaimants()
  known.claim(key, 0)
  assert.ok(known.remove(key))
  known.claim(key, 5)
  assert.ok(known.remove(key), 'and so again')
})

claimants('stays taken while one who was granted it has not come to nothing, however long ago', () => {
  const known = new KeyClaimants()
  known.claim(key, 0)
  known.grant(key, claimUsedMs * 10)
  assert.not(known.remove(key))
  assert.ok(known.remove(key))
})

claimants('stays taken where nobody knows of all who were granted it', () => {
  const known = new KeyClaimants()
  known.grant(key, 0)
  assert.not(known.remove(key), 'claimed before a restart')
  known.claim(key, 1)
  known.claim(other, 1 + claimUsedMs)
  known.grant(key, 2 + claimUsedMs)
  assert.not(known.remove(key), 'granted so long ago that it is not kept in memory')
  assert.ok(known.remove(other))
})

claimants.run()
