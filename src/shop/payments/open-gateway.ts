/** The gateway that the settings name. Stripe's library is loaded only where it is used: it is megabytes in every thread. */
import type { PaymentConfig } from '../../config/payment-settings.ts'
import { unreachable } from '../../domain/assert.ts'
import type { Logger } from '../../log.ts'
import type { Tables } from '../../persistence/tables/operations.ts'
import type { Clock } from '../../seams.ts'
import type { Gateway } from './gateway.ts'
import { SandboxGateway } from './sandbox-gateway.ts'

const sandboxTimeoutMs = 10_000

export type GatewayParts = { readonly tables: Tables; readonly clock: Clock; readonly log: Logger }

/** Undefined where nothing is charged: cash on delivery is all there is. */
export async function openGateway(
  config: PaymentConfig,
  { tables, clock, log }: GatewayParts,
): Promise<Gateway | undefined> {
  switch (config.gateway) {
    case 'none':
      return undefined
    case 'sandbox':
      return new SandboxGateway({ tables, clock, delays: config.delays })
    case 'stripe': {
      const { StripeGateway, stripeClient } = await import('./stripe-gateway.ts')
      const { webhookSecret } = config
      const onTrouble = (trouble: object) =>
        log.error({ event: 'payments.trouble', ...trouble }, 'payments.trouble')
      const shopId = shopIdOf(tables)
      return new StripeGateway({ stripe: stripeClient(config), webhookSecret, shopId, clock, onTrouble })
    }
    default:
      return unreachable(config)
  }
}

/** Read once, unless that fails: it never changes. */
function shopIdOf(tables: Tables): () => Promise<string> {
  let known: string | undefined
  return async () => {
    known ??= (await tables.read('shop.identity', {})).shopId
    return known
  }
}

/** How long whoever charges may wait for an answer; the sandbox is at hand, and only seems to be slow. */
export function chargeTimeoutOf(config: PaymentConfig): number {
  return config.gateway === 'stripe' ? config.timeoutMs : sandboxTimeoutMs
}
