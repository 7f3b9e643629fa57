/** Passwords that are hashed at once, and cheaply: what a real hash costs is for the passwords' own tests. */
import type { Passwords } from '../../src/shop/accounts/password-client.ts'
import {
  currentCosts,
  hashPassword,
  isPasswordOf,
  nobodysHash,
} from '../../src/shop/accounts/password-hash.ts'
import { normalPassword } from '../../src/shop/accounts/password-rules.ts'

const COSTS = { memoryKib: 8, passes: 1, lanes: 1 }
const TRUE_COSTS = 'm=8,t=1,p=1'
const SAID_COSTS = `m=${currentCosts.memoryKib},t=${currentCosts.passes},p=${currentCosts.lanes}`

export class QuickPasswords implements Passwords {
  /** What was asked for, each with the hash it was held against. */
  readonly asked: string[] = []
  isCrowded = false
  /** What new hashes say that they have cost. */
  costs: 'current' | 'low' = 'current'
  /** Put off until a test says so. */
  before: () => Promise<void> = () => Promise.resolve()
  #salts = 0

  async hash(password: string): Promise<string> {
    this.asked.push('hash')
    await this.before()
    const salt = new Uint8Array(16).fill(++this.#salts % 256)
    const hash = hashPassword(normalPassword(password), salt, COSTS)
    return this.costs === 'low' ? hash : hash.replace(TRUE_COSTS, SAID_COSTS)
  }

  async isRight(password: string, hash: string): Promise<boolean> {
    this.asked.push(hash)
    await this.before()
    if (hash === nobodysHash) return false
    return isPasswordOf(hash.replace(SAID_COSTS, TRUE_COSTS), normalPassword(password))
  }
}
