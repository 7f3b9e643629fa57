/**
 * Searches of each caller that have no answer yet; of one listener. All of them are answered one after another by one thread:
 * without a bound, whoever asks for what costs most, as often as a second allows, would make all others wait for it.
 *
 * Counted are those who are limited: by address without an identity, by themselves where they are customers.
 */
import { searchesOfCallerMax } from '../limits/search.ts'
import { SearchError } from '../search/search-error.ts'
import { clientKeyOf } from './client-key.ts'
import type { HttpParts } from './parts.ts'
import type { Call } from './route.ts'

export class SearchesUnderWay {
  readonly #parts: Pick<HttpParts, 'rateLimits' | 'trustedProxies'>
  readonly #counts = new Map<string, number>()

  constructor(parts: Pick<HttpParts, 'rateLimits' | 'trustedProxies'>) {
    this.#parts = parts
  }

  /** Asks, unless this caller waits for as many answers as one may: then rejects with `SearchError`. */
  async during<T>(call: Call, ask: () => Promise<T>): Promise<T> {
    const caller = this.#callerOf(call)
    if (caller === undefined) return await ask()
    const count = this.#counts.get(caller) ?? 0
    if (count >= searchesOfCallerMax)
      throw new SearchError('overloaded', `${count} searches of this caller wait already`)
    this.#counts.set(caller, count + 1)
    try {
      return await ask()
    } finally {
      this.#end(caller)
    }
  }

  #end(caller: string): void {
    const left = (this.#counts.get(caller) ?? 1) - 1
    if (left === 0) this.#counts.delete(caller)
    else this.#counts.set(caller, left)
  }

  /** Undefined for those without limits. */
  #callerOf({ principal, context }: Call): string | undefined {
    const { rateLimits, trustedProxies } = this.#parts
    const { rates } = rateLimits
    if (principal === undefined) return rates.address === 0 ? undefined : clientKeyOf(context, trustedProxies)
    return principal.role === 'customer' && rates.customer > 0 ? principal.customerId : undefined
  }
}
