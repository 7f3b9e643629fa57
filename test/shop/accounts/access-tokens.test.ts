import * as assert from 'uvu/assert'
import { accessTokenLengthMax, accessTokenMsMax, tokenLeewayMs } from '../../../src/limits/account-limits.ts'
import { realRandom } from '../../../src/seams.ts'
import { AccessTokens } from '../../../src/shop/accounts/access-tokens.ts'
import { SigningKeys } from '../../../src/shop/accounts/signing-keys.ts'
import { InProcessTables } from '../../support/in-process-tables.ts'
import { ManualClock } from '../../support/manual-time.ts'
import { suite } from '../../support/suite.ts'

const SESSION = { id: 'ses_01K5ZC4N8XQ2M7V3H9R6T1B0DW', userId: 'usr_01K5ZC4N8XQ2M7V3H9R6T1B0DW' }
const NOW_MS = 1_764_000_000_000

function world(issuer = 'holdfast') {
  const clock = new ManualClock(NOW_MS)
  const tables = new InProcessTables(clock)
  const keys = new SigningKeys({ tables, clock, random: realRandom() })
  const tokens = new AccessTokens({ keys, clock, issuer, lifeMs: 900_000 })
  const other = (changes: { readonly lifeMs?: number; readonly issuer?: string }) =>
    new AccessTokens({ keys, clock, issuer, lifeMs: 900_000, ...changes })
  return { clock, tables, keys, tokens, other }
}

const test = suite('an access token as it is made and read')

test('says whose it is until its last moment, and not a moment longer for any leeway', async () => {
  const { clock, tables, tokens } = world()
  const token = await tokens.issue({ ...SESSION, atMs: clock.wallMs() })
  assert.equal(await tokens.verify(token), {
    userId: SESSION.userId,
    sessionId: SESSION.id,
    expiresAtMs: NOW_MS + 900_000,
  })
  clock.pass(899_999)
  assert.ok(await tokens.verify(token))
  clock.pass(1)
  assert.is(await tokens.verify(token), undefined)
  tables.close()
})

test('may be of a node whose clock is a little ahead, and no more', async () => {
  const { clock, tables, tokens } = world()
  const at = (aheadMs: number) => tokens.issue({ ...SESSION, atMs: clock.wallMs() + aheadMs })
  assert.ok(await tokens.verify(await at(tokenLeewayMs)))
  assert.is(await tokens.verify(await at(tokenLeewayMs + 1_000)), undefined)
  tables.close()
})

test('is the same to the byte whenever it is made again for the same session and time', async () => {
  const { clock, tables, tokens } = world()
  const session = { ...SESSION, atMs: clock.wallMs() }
  const first = await tokens.issue(session)
  clock.pass(40 * 86_400_000)
  const newer = await tokens.issue({ ...SESSION, atMs: clock.wallMs() })
  assert.is.not(newer.split('.')[0], first.split('.')[0], 'another key signs by now')
  assert.is(await tokens.issue(session), first)
  tables.close()
})

test('of another issuer, of too long a life, or too long itself is none, though the key is ours', async () => {
  const { clock, tables, tokens, other } = world()
  const atMs = clock.wallMs()
  const issued = (by: AccessTokens) => by.issue({ ...SESSION, atMs })
  assert.is(await tokens.verify(await issued(other({ issuer: 'https://evil.example' }))), undefined)
  assert.ok(await tokens.verify(await issued(other({ lifeMs: accessTokenMsMax }))))
  assert.is(await tokens.verify(await issued(other({ lifeMs: accessTokenMsMax + 1_000 }))), undefined)
  const wordy = other({ issuer: 'x'.repeat(700) })
  const long = await issued(wordy)
  assert.ok(long.length > accessTokenLengthMax)
  assert.is(await wordy.verify(long), undefined)
  tables.close()
})

test.run()
