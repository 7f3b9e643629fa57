/**
 * Stripe's smallest units, which are ISO 4217's but for some currencies (docs.stripe.com/currencies, "special cases"). HUF and
 * TWD are special for payouts only, of which the shop makes none.
 */

/** Without decimals, and yet told in hundredths. */
const IN_HUNDREDTHS = ['ISK', 'UGX']
/** With two decimals by ISO 4217 (though its unit has fifths), and told whole. */
const WHOLE = ['MGA']
/** With three decimals, of which cards know two. */
const LAST_DIGIT_ZERO = ['BHD', 'JOD', 'KWD', 'OMR', 'TND']

/** What to ask Stripe for; undefined where it cannot charge exactly that. */
export function toStripeAmount(amountMinor: number, currency: string): number | undefined {
  if (IN_HUNDREDTHS.includes(currency)) return amountMinor * 100
  if (WHOLE.includes(currency)) return amountMinor % 100 === 0 ? amountMinor / 100 : undefined
  if (LAST_DIGIT_ZERO.includes(currency)) return amountMinor % 10 === 0 ? amountMinor : undefined
  return amountMinor
}

/** What Stripe says of a charge, as ours. Rounded where it is a part of a unit, of which Stripe takes none. */
export function fromStripeAmount(amount: number, currency: string): number {
  if (IN_HUNDREDTHS.includes(currency)) return Math.floor(amount / 100)
  return WHOLE.includes(currency) ? amount * 100 : amount
}
