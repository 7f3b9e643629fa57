/** Passwords that are hashed at once, and cheaply: what a real hash costs is for the passwords' own tests. */
import type { Passwords } from '../../src/shop/accounts/password-client.ts'
import { hashPassword, isPasswordOf, nobodysHash } from '../../src/shop/accounts/password-hash.ts'
import { normalPassword } from '../../src/shop/accounts/password-rules.ts'

const costs = { memoryKib: 8, passes: 1, lanes: 1 }

export class QuickPasswords implements Passwords {
  /** What was asked for, each with the hash it was held against. */
  readonly asked: string[] = []
  isCrowded = false
  /** Put off until a test says so. */
  before: () => Promise<void> = () => Promise.resolve()
  #salts = 0

  async hash(password: string): Promise<string> {
    this.asked.push('hash')
    await this.before()
    const salt = new Uint8Array(16).fill(++this.#salts % 256)
    return hashPassword(normalPassword(password), salt, costs)
  }

  async isRight(password: string, hash: string): Promise<boolean> {
    this.asked.push(hash)
    await this.before()
    return hash !== nobodysHash && isPasswordOf(hash, normalPassword(password))
  }
}
