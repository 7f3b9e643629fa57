/**
 * Which card, token or UPI address asks the sandbox for what; docs/payments.md is this table for people. Numbers that Stripe's
 * own test mode knows mean the same here. A card that is none of these is declined: the sandbox never charges a real one.
 */
import type { ScenarioName } from '../../persistence/tables/sandbox/scenario.ts'
import type { CardDetails, PaymentMethod } from './gateway.ts'

export type Instrument = {
  readonly method: PaymentMethod
  readonly paymentToken?: string
  readonly card?: CardDetails
}

/** Whose buyer approves, where a request names none. */
const usualAddress = 'success@upi'
const digitsMin = 12
const digitsMax = 19
const codeZero = 48

export const TEST_CARDS: ReadonlyMap<string, ScenarioName> = new Map<string, ScenarioName>([
  ['4242424242424242', 'approve'],
  ['5555555555554444', 'approve'],
  ['378282246310005', 'approve'],
  ['4000000000000002', 'decline'],
  ['4000000000009995', 'insufficient-funds'],
  ['4000000000000069', 'expired-card'],
  ['4000000000000127', 'invalid-cvc'],
  ['4000000000000119', 'processing-error'],
  ['4000000000007726', 'slow-refund'],
  ['4000000000005126', 'failing-refund'],
  ['4000000000010019', 'pending-then-success'],
  ['4000000000010027', 'pending-then-failure'],
  ['4000000000010035', 'captured-then-time-out'],
  ['4000000000010043', 'duplicate-webhook'],
  ['4000000000010050', 'late-webhook'],
  ['4000000000010068', 'lost-webhook'],
  ['4000000000010076', 'slow-success'],
])

export const TEST_TOKENS: ReadonlyMap<string, ScenarioName> = new Map<string, ScenarioName>([
  ['tok_visa', 'approve'],
  ['tok_mastercard', 'approve'],
  ['tok_amex', 'approve'],
  ['tok_chargeDeclined', 'decline'],
  ['tok_chargeDeclinedInsufficientFunds', 'insufficient-funds'],
  ['tok_chargeDeclinedExpiredCard', 'expired-card'],
  ['tok_chargeDeclinedIncorrectCvc', 'invalid-cvc'],
  ['tok_chargeDeclinedProcessingError', 'processing-error'],
  ['tok_slowRefund', 'slow-refund'],
  ['tok_failingRefund', 'failing-refund'],
  ['tok_pendingThenSuccess', 'pending-then-success'],
  ['tok_pendingThenFailure', 'pending-then-failure'],
  ['tok_timeoutAfterCapture', 'captured-then-time-out'],
  ['tok_duplicateWebhook', 'duplicate-webhook'],
  ['tok_lateWebhook', 'late-webhook'],
  ['tok_lostWebhook', 'lost-webhook'],
  ['tok_slowSuccess', 'slow-success'],
])

/** Nobody pays by UPI on the spot: the buyer approves in an application of theirs. */
export const TEST_UPI: ReadonlyMap<string, ScenarioName> = new Map<string, ScenarioName>([
  ['success@upi', 'pending-then-success'],
  ['failure@upi', 'pending-then-failure'],
  ['slow@upi', 'slow-success'],
  ['late@upi', 'late-webhook'],
  ['lost@upi', 'lost-webhook'],
  ['duplicate@upi', 'duplicate-after-pending'],
  ['timeout@upi', 'captured-then-time-out'],
])

/** What the sandbox does with it. The card is looked at here and nowhere else. */
export function scenarioFor({ method, paymentToken, card }: Instrument, nowMs: number): ScenarioName {
  if (method === 'upi') return TEST_UPI.get(paymentToken ?? usualAddress) ?? 'invalid-token'
  if (card !== undefined) return scenarioOfCard(card, nowMs)
  return TEST_TOKENS.get(paymentToken ?? '') ?? 'invalid-token'
}

function scenarioOfCard({ number, expiry, cvc }: CardDetails, nowMs: number): ScenarioName {
  const digits = number.replace(/[ -]/g, '')
  if (!isCardNumber(digits)) return 'invalid-card'
  const expiresAtMs = endOf(expiry)
  if (expiresAtMs === undefined) return 'invalid-card'
  if (expiresAtMs <= nowMs) return 'expired-card'
  const isAmericanExpress = /^3[47]/.test(digits)
  if (!(isAmericanExpress ? /^[0-9]{4}$/ : /^[0-9]{3}$/).test(cvc)) return 'invalid-cvc'
  return TEST_CARDS.get(digits) ?? 'decline'
}

/** Digits whose last one fits the others (ISO/IEC 7812-1, annex B: Luhn's check). */
export function isCardNumber(digits: string): boolean {
  if (digits.length < digitsMin || digits.length > digitsMax || !/^[0-9]+$/.test(digits)) return false
  let sum = 0
  for (let at = 0; at < digits.length; at++) {
    const digit = digits.charCodeAt(digits.length - 1 - at) - codeZero
    const doubled = at % 2 === 1 ? digit * 2 : digit
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}

/** A card is good to the end of its month, wherever on Earth that comes last. Undefined where there is no such month. */
function endOf(expiry: string): number | undefined {
  const [, month, year] = /^(0[1-9]|1[0-2])\/([0-9]{2})$/.exec(expiry) ?? []
  if (month === undefined || year === undefined) return undefined
  // Months count from 0 there, so this is the first moment of the month after; twelve hours later it has come everywhere.
  return Date.UTC(2000 + Number(year), Number(month), 1, 12)
}
