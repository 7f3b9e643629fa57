/** Limits for an app over fakes: none, or the real ones on the test's clock. */
import { cooldownMemory, SharedCooldowns } from '../../src/http/cooldowns.ts'
import type { HttpParts } from '../../src/http/parts.ts'
import { type Rates, rateMemory, SharedRateLimits } from '../../src/http/rate-limits.ts'
import { parseNetwork } from '../../src/ip-address.ts'
import type { Clock } from '../../src/seams.ts'

type Limits = Pick<HttpParts, 'rateLimits' | 'trustedProxies'> & { readonly cooldowns: SharedCooldowns }

export const noRates: Rates = {
  customer: 0,
  'address-customers': 0,
  address: 0,
  key: 0,
  login: 0,
  'login-address': 0,
  registration: 0,
}
const random = { fraction: () => 0.5 }

export function limits(
  clock: Clock,
  {
    rates = {},
    proxies = [],
  }: { readonly rates?: Partial<Rates>; readonly proxies?: readonly string[] } = {},
): Limits {
  return {
    rateLimits: new SharedRateLimits(rateMemory({ ...noRates, ...rates }, random), clock),
    cooldowns: new SharedCooldowns(cooldownMemory(random), clock),
    trustedProxies: proxies.map((text) => {
      const network = parseNetwork(text)
      if (network === undefined) throw new Error(`${text} is no network`)
      return network
    }),
  }
}
