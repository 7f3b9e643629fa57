/**
 * A password as it is kept: argon2id (RFC 9106) as a PHC string, which names the costs it was made with, so that they can be
 * raised later and each password follows at its owner's next login.
 *
 * Everything here takes some fifty milliseconds of one core and 19 MiB: it is called in the passwords' own thread alone.
 */
import { argon2Sync, timingSafeEqual } from 'node:crypto'
import { assert } from '../../domain/assert.ts'
import { passwordMemoryKib, passwordPasses } from '../../limits/account-limits.ts'

export type PasswordCosts = {
  readonly memoryKib: number
  readonly passes: number
  readonly lanes: number
}

/** What new hashes are made with. */
export const currentCosts: PasswordCosts = {
  memoryKib: passwordMemoryKib,
  passes: passwordPasses,
  lanes: 1,
}

export const saltBytes = 16
const TAG_BYTES = 32
const PHC =
  /^\$argon2id\$v=19\$m=([1-9][0-9]{0,6}),t=([1-9][0-9]{0,2}),p=([1-9])\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/

type Parsed = { readonly costs: PasswordCosts; readonly salt: Buffer; readonly tag: Buffer }

/** The salt must be drawn by chance, for this password alone. */
export function hashPassword(
  password: string,
  salt: Uint8Array,
  costs: PasswordCosts = currentCosts,
): string {
  assert(salt.length === saltBytes, 'a salt has 16 bytes')
  const { memoryKib, passes, lanes } = costs
  const tag = tagOf(password, salt, costs, TAG_BYTES)
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${lanes}$${base64(salt)}$${base64(tag)}`
}

/** Whether the hash was made of this password, in a time that does not tell how much of it was right. */
export function isPasswordOf(hash: string, password: string): boolean {
  const { costs, salt, tag } = parse(hash)
  return timingSafeEqual(tagOf(password, salt, costs, tag.length), tag)
}

/** Whether a hash cost less to make than a new one would. */
export function isBelowCurrent(hash: string, current: PasswordCosts = currentCosts): boolean {
  const { costs, tag } = parse(hash)
  return (
    costs.memoryKib < current.memoryKib ||
    costs.passes < current.passes ||
    costs.lanes < current.lanes ||
    tag.length < TAG_BYTES
  )
}

/** Whether this can be looked at here. What cannot would end the thread that tries. */
export function isPasswordHash(text: string): boolean {
  return PHC.test(text)
}

/**
 * A hash that no password has, with the current costs: who names an account that does not exist is kept waiting as long as
 * who names one that does.
 */
export const nobodysHash = `$argon2id$v=19$m=${currentCosts.memoryKib},t=${currentCosts.passes},p=${currentCosts.lanes}$${'A'.repeat(22)}$${'A'.repeat(43)}`

/** Throws unless this runtime's argon2id is that of RFC 9106, 5.3: with another one no password would ever be right. */
export function checkArgon2(): void {
  const tag = argon2Sync('argon2id', {
    message: Buffer.alloc(32, 1),
    nonce: Buffer.alloc(16, 2),
    secret: Buffer.alloc(8, 3),
    associatedData: Buffer.alloc(12, 4),
    memory: 32,
    passes: 3,
    parallelism: 4,
    tagLength: TAG_BYTES,
  })
  const expected = '0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659'
  assert(tag.toString('hex') === expected, 'argon2id is as RFC 9106 has it')
}

function tagOf(password: string, salt: Uint8Array, costs: PasswordCosts, tagLength: number): Buffer {
  return argon2Sync('argon2id', {
    message: password,
    nonce: salt,
    memory: costs.memoryKib,
    passes: costs.passes,
    parallelism: costs.lanes,
    tagLength,
  })
}

function parse(hash: string): Parsed {
  const match = PHC.exec(hash)
  assert(match !== null, 'a password is kept as a PHC string of argon2id')
  const [, memory, passes, lanes, salt = '', tag = ''] = match
  return {
    costs: { memoryKib: Number(memory), passes: Number(passes), lanes: Number(lanes) },
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  }
}

/** Without padding, as the PHC format has it. */
function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replaceAll('=', '')
}
