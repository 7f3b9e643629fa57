/** What can go wrong between the cart and the door. */
const CONFLICT = 409
const NOT_FOUND = 404

export const SHOP_PROBLEMS = {
  'unknown-cart': {
    status: NOT_FOUND,
    title: 'No such cart',
    help: 'This is not the caller’s cart. GET /v1/cart names it.',
  },
  'unknown-order': {
    status: NOT_FOUND,
    title: 'No such order',
    help: 'The order does not exist, or belongs to somebody else.',
  },
  'unknown-discount': {
    status: NOT_FOUND,
    title: 'No such discount',
    help: 'There is no discount with this code. GET /v1/discounts lists those there are.',
  },
  'unknown-provider': {
    status: NOT_FOUND,
    title: 'No such payment provider',
    help: 'This shop is paid through another provider.',
  },
  'forged-webhook': {
    status: 401,
    title: 'The provider has not signed this',
    help: 'The signature is missing or malformed, of another secret, of another body, or too old. It must be over the very bytes of the body. Nothing happened.',
  },
  'cart-full': {
    status: CONFLICT,
    title: 'The cart is full',
    help: 'A cart can have 99 different products. Take one out first.',
  },
  'cart-quantity': {
    status: CONFLICT,
    title: 'Too many units of one product',
    help: 'A cart can have a million units of one product.',
  },
  'not-in-cart': {
    status: NOT_FOUND,
    title: 'The product is not in the cart',
    help: 'Put it in with POST /v1/cart/add.',
  },
  'cart-empty': {
    status: CONFLICT,
    title: 'There is nothing in the cart',
    help: 'Put something in with POST /v1/cart/add.',
  },
  'cart-problems': {
    status: CONFLICT,
    title: 'Some lines cannot be bought as they are',
    help: '`items` names them, each with its `problem`: take them out, or order what has another currency by itself.',
  },
  'amount-too-large': {
    status: CONFLICT,
    title: 'More than one order can cost',
    help: 'An order can cost a million million of its currency’s smallest units. Make several.',
  },
  'price-changed': {
    status: CONFLICT,
    title: 'The price has changed',
    help: 'It costs something else than was expected: `totalAmount` in `currency`, where they are given. Nothing is held. Show the new price, and try again with it.',
  },
  'discount-not-valid': {
    status: CONFLICT,
    title: 'The discount cannot be used',
    help: 'There is no such discount, it is not valid at this time, or it is for another currency.',
  },
  'discount-used-up': {
    status: CONFLICT,
    title: 'The discount was used up',
    help: 'It has been used as often as it can be, by all or by this customer. Uses come back when orders are not paid.',
  },
  'discount-exists': {
    status: CONFLICT,
    title: 'There is such a discount already',
    help: 'Codes are for one discount each, in capital letters. Take another one, or change this one.',
  },
  'owned-by-order': {
    status: CONFLICT,
    title: 'The reservation belongs to an order',
    help: 'From checkout on the order `orderId` decides what becomes of its reservation: pay it, or call it off with POST /v1/orders/{id}/cancel.',
  },
  'amount-mismatch': {
    status: CONFLICT,
    title: 'That is not what the order costs',
    help: 'The order costs `totalAmount` in `currency`. Nothing was charged.',
  },
  'order-state': {
    status: CONFLICT,
    title: 'The order is in no state for that',
    help: '`orderStatus` says where it is. What has ended cannot be paid or called off; what was shipped can be returned.',
  },
  'payment-deadline': {
    status: CONFLICT,
    title: 'There is too little time left to pay',
    help: 'The hold ends before the payment’s outcome would be known, and nobody is charged for units that may be gone. Check out again.',
  },
  'too-many-attempts': {
    status: CONFLICT,
    title: 'Too many attempts to pay',
    help: 'Twenty payments of this order have failed, and no other is tried. Call it off, and check out again.',
  },
  'exceeds-captured': {
    status: CONFLICT,
    title: 'More than was paid',
    help: 'All refunds of an order together cannot be more than what was captured for it.',
  },
  'not-reconciled': {
    status: 503,
    title: 'Nothing is sold until a restored backup is reconciled',
    help: 'Nothing happened. This shop was restored from a backup, and what was paid since is being compared with the payment provider’s list. What is held or ordered can be read, confirmed and released meanwhile. Try again after the seconds that `Retry-After` names; for whoever runs the shop, GET /v1/reconciliation says what is left to do.',
  },
  'nothing-restored': {
    status: CONFLICT,
    title: 'There is nothing to reconcile',
    help: 'Nothing was restored from a backup, or it has been reconciled: the shop sells. GET /v1/reconciliation says when and by whom.',
  },
  'payments-undecided': {
    status: CONFLICT,
    title: 'Some payments are still unknown',
    help: '`undecided` payments were taken since the backup for orders that nobody knows. Refund or accept each of them first; GET /v1/reconciliation lists them.',
  },
  'unknown-payment': {
    status: NOT_FOUND,
    title: 'No such unknown payment',
    help: 'No payment with this transaction’s id was found to be unknown. GET /v1/reconciliation lists those that were.',
  },
  'payment-state': {
    status: CONFLICT,
    title: 'That was decided otherwise, or cannot be decided yet',
    help: '`paymentState` says where the payment is: `open` ones can be refunded or accepted, and what is `pending` is for the provider to settle first.',
  },
} as const
