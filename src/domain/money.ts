/**
 * Money is a whole number of a currency's smallest units; on the wire it is a decimal number with the currency's own number
 * of digits (API.md). No arithmetic here ever sees a fraction of a unit.
 */
import { assert } from './assert.ts'

export type CurrencyCode = string & { readonly brand: 'CurrencyCode' }

/** The most that one amount can be, in minor units: sums of many stay exact, and no price is lost in SQLite or PostgreSQL. */
export const amountMinorMax = 1_000_000_000_000

/** ISO 4217's active codes that are money people pay with, but for those with another number of digits than two. */
const TWO_DIGITS =
  'AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW ZWG'
const OTHER_DIGITS: readonly (readonly [digits: number, codes: string])[] = [
  [0, 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF'],
  [3, 'BHD IQD JOD KWD LYD OMR TND'],
]

/** ISO 4217, by code. */
const DIGITS: ReadonlyMap<string, number> = new Map([
  ...TWO_DIGITS.split(' ').map((code) => [code, 2] as const),
  ...OTHER_DIGITS.flatMap(([digits, codes]) => codes.split(' ').map((code) => [code, digits] as const)),
])

/** Whether this is the code of a currency, in capital letters. */
export function isCurrencyCode(text: string): text is CurrencyCode {
  return DIGITS.has(text)
}

/** Digits behind the decimal point, by ISO 4217. */
export function digitsOf(currency: CurrencyCode): number {
  const digits = DIGITS.get(currency)
  assert(digits !== undefined, 'a currency code was checked when it came in')
  return digits
}

/**
 * An amount as people write it, in minor units. Undefined where it is negative, beyond `amountMinorMax`, no number, or has
 * more digits than the currency: 9.999 USD is no price.
 */
export function minorUnits(amount: number, currency: CurrencyCode): number | undefined {
  const scale = 10 ** digitsOf(currency)
  const minor = Math.round(amount * scale)
  if (!Number.isSafeInteger(minor) || minor < 0 || minor > amountMinorMax) return undefined
  // The decimal number that these units make is written as `amount` is, or else that had more digits.
  return minor / scale === amount ? minor : undefined
}

/** Minor units as a decimal number: the double nearest to it, which prints with no more digits than the currency has. */
export function decimalOf(minor: number, currency: CurrencyCode): number {
  return minor / 10 ** digitsOf(currency)
}

/** So many per cent of an amount, in whole minor units, half a unit rounded to the even one (IEEE 754, roundTiesToEven). */
export function percentOf(minor: number, percent: number): number {
  const hundredths = BigInt(minor) * BigInt(Math.round(percent * 100))
  const whole = hundredths / 10_000n
  const rest = hundredths % 10_000n
  const isUp = rest > 5_000n || (rest === 5_000n && whole % 2n === 1n)
  return Number(isUp ? whole + 1n : whole)
}
