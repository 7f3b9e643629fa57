/** Everything that can be asked of the tables, by name. What a name takes and answers follows from its operation. */
import { addressOperations } from './accounts/address-operations.ts'
import { sessionOperations } from './accounts/session-operations.ts'
import { signingKeyOperations } from './accounts/signing-key-operations.ts'
import { userOperations } from './accounts/user-operations.ts'
import { apiKeyOperations } from './api-keys.ts'
import { importOperations } from './catalog/import-operations.ts'
import { productOperations } from './catalog/product-operations.ts'
import { reviewOperations } from './catalog/review-operations.ts'
import { idempotencyOperations, type Replayable } from './idempotency-records.ts'
import { mailOperations } from './mail/mail-operations.ts'
import { cartOperations } from './orders/cart-operations.ts'
import { checkoutOperations } from './orders/checkout-operations.ts'
import { discountOperations } from './orders/discount-operations.ts'
import { dutyOperations } from './orders/duty-operations.ts'
import { gatewayEventOperations } from './orders/gateway-event-operations.ts'
import { orderOperations } from './orders/order-operations.ts'
import { paymentOperations } from './orders/payment-operations.ts'
import { refundOperations } from './orders/refund-operations.ts'
import { returnOperations } from './orders/return-operations.ts'
import { outboxOperations } from './outbox.ts'
import type { Query } from './query.ts'
import { adoptOperations } from './restoration/adopt-operations.ts'
import { restorationOperations } from './restoration/restoration-operations.ts'
import { unknownPaymentOperations } from './restoration/unknown-payment-operations.ts'
import { sandboxChargeOperations } from './sandbox/charge-operations.ts'
import { sandboxRefundOperations } from './sandbox/refund-operations.ts'
import { sandboxWebhookOperations } from './sandbox/webhook-operations.ts'
import type { TableKey } from './table-key.ts'
import { deliveryOperations } from './webhooks/delivery-operations.ts'
import { fanOutOperations } from './webhooks/fan-out.ts'
import { webhookOperations } from './webhooks/subscriber-operations.ts'

export const operations = {
  ...apiKeyOperations,
  ...userOperations,
  ...sessionOperations,
  ...addressOperations,
  ...signingKeyOperations,
  ...idempotencyOperations,
  ...importOperations,
  ...outboxOperations,
  ...productOperations,
  ...reviewOperations,
  ...sandboxChargeOperations,
  ...sandboxRefundOperations,
  ...sandboxWebhookOperations,
  ...webhookOperations,
  ...fanOutOperations,
  ...deliveryOperations,
  ...mailOperations,
  ...cartOperations,
  ...discountOperations,
  ...checkoutOperations,
  ...orderOperations,
  ...paymentOperations,
  ...refundOperations,
  ...returnOperations,
  ...dutyOperations,
  ...gatewayEventOperations,
  ...restorationOperations,
  ...adoptOperations,
  ...unknownPaymentOperations,
}

export type Operations = typeof operations
export type OperationName = keyof Operations
export type ReadName = {
  [N in OperationName]: Operations[N]['kind'] extends 'read' ? N : never
}[OperationName]
export type WriteName = Exclude<OperationName, ReadName>
export type ArgsOf<N extends OperationName> = Parameters<Operations[N]['run']>[0]
export type AnswerOf<N extends OperationName> =
  ReturnType<Operations[N]['run']> extends Query<infer Answer> ? Answer : never

/** The tables as a caller sees them, wherever they are. Both ways reject with `TablesError` and nothing else. */
export type Tables = {
  /** Rests on nothing that is not durable. */
  read<N extends ReadName>(name: N, args: ArgsOf<N>): Promise<AnswerOf<N>>
  /** Resolves when the change is durable. With a key it is made once, and answered as before whenever it comes again. */
  write<N extends WriteName>(name: N, args: ArgsOf<N>, key?: TableKey): Promise<AnswerOf<N> & Replayable>
}
