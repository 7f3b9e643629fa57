/** A listener's way to the passwords' threads. */
import { EngineError } from '../../actors/engine-error.ts'
import { assert } from '../../domain/assert.ts'
import { passwordsWaitingMax } from '../../limits/account-limits.ts'
import type { Port, Random } from '../../seams.ts'
import { isPasswordHash, saltBytes } from './password-hash.ts'
import type { FromPasswords, PasswordJob, PasswordOutcome, ToPasswords } from './password-protocol.ts'
import { normalPassword } from './password-rules.ts'

/** Both reject with `EngineError` `overloaded` where too many wait; nothing has happened then. */
export type Passwords = {
  /** Whether so many wait already that nobody else need ask. */
  readonly isCrowded: boolean
  /** A new hash with a salt of its own. */
  hash(password: string): Promise<string>
  isRight(password: string, hash: string): Promise<boolean>
}

const BYTE = 256

export class PasswordClient implements Passwords {
  readonly #port: Port<FromPasswords, ToPasswords>
  readonly #random: Random
  readonly #calls = new Map<number, (outcome: PasswordOutcome) => void>()
  #lastCall = 0
  #isClosed = false

  constructor(port: Port<FromPasswords, ToPasswords>, random: Random) {
    this.#port = port
    this.#random = random
    port.receive(({ call, outcome }) => this.#settle(call, outcome))
    port.onClose(() => this.#end())
  }

  get isCrowded(): boolean {
    return this.#calls.size >= passwordsWaitingMax
  }

  async hash(password: string): Promise<string> {
    const salt = Uint8Array.from({ length: saltBytes }, () => Math.floor(this.#random.fraction() * BYTE))
    const outcome = await this.#ask({ type: 'hash', password: normalPassword(password), salt })
    assert(outcome.type === 'hashed', 'a password that was to be hashed is')
    return outcome.hash
  }

  async isRight(password: string, hash: string): Promise<boolean> {
    assert(isPasswordHash(hash), 'a password is kept as a PHC string of argon2id')
    const outcome = await this.#ask({ type: 'check', password: normalPassword(password), hash })
    assert(outcome.type === 'checked', 'a password that was to be checked is')
    return outcome.isRight
  }

  close(): void {
    this.#port.close()
    this.#end()
  }

  async #ask(job: PasswordJob): Promise<PasswordOutcome> {
    if (this.#isClosed) throw overloaded('the passwords’ threads are gone')
    if (this.isCrowded) throw overloaded(`${passwordsWaitingMax} of this listener wait already`)
    const call = ++this.#lastCall
    const { promise, resolve } = Promise.withResolvers<PasswordOutcome>()
    this.#calls.set(call, resolve)
    this.#port.send({ call, job })
    const outcome = await promise
    if (outcome.type === 'refused') throw overloaded(outcome.why)
    return outcome
  }

  #settle(call: number, outcome: PasswordOutcome): void {
    this.#calls.get(call)?.(outcome)
    this.#calls.delete(call)
  }

  #end(): void {
    this.#isClosed = true
    for (const call of [...this.#calls.keys()]) {
      this.#settle(call, { type: 'refused', why: 'the passwords’ threads are gone' })
    }
  }
}

function overloaded(why: string): EngineError {
  return new EngineError('overloaded', why)
}
