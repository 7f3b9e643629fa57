/** Names to addresses, by DNS. */
import { lookup, Resolver } from 'node:dns/promises'
import type { Resolve } from './destination.ts'

/**
 * Asks name servers itself: the system's own look-up would hold one of the threads that files are synced with. Where private
 * networks are allowed the system is asked all the same, since it knows names that no name server does.
 */
export function openResolver({ allowsPrivate }: { readonly allowsPrivate: boolean }): Resolve {
  if (allowsPrivate) return async (host) => (await lookup(host, { all: true })).map(({ address }) => address)
  const resolver = new Resolver({ timeout: 2_000, tries: 2 })
  return async (host) => {
    const [v4, v6] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
    const found = [v4, v6].flatMap((each) => (each.status === 'fulfilled' ? each.value : []))
    if (found.length === 0 && v4.status === 'rejected') throw v4.reason
    return found
  }
}
