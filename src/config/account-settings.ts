/** The settings of how people sign in. */
import { accessTokenMsMax, refreshTokenDaysMax } from '../limits/account-limits.ts'
import { type Setting, text, whole } from '../setting.ts'

/** How people sign in, and stay so. */
export type AccountConfig = {
  readonly accessTokenMs: number
  readonly refreshTokenMs: number
  readonly tokenIssuer: string
  readonly passwordThreads: number
}

const SECOND_MS = 1_000
const DAY_MS = 86_400_000
const threadsMax = 64

export const accountSettings = {
  accessTokenSeconds: whole('ACCESS_TOKEN_SECONDS', [60, accessTokenMsMax / SECOND_MS], 900, {
    meaning: 'How long an access token is good for',
    example: '900',
  }),
  refreshTokenDays: whole('REFRESH_TOKEN_DAYS', [1, refreshTokenDaysMax], 30, {
    meaning: 'How long somebody stays signed in who does not come back',
    example: '30',
  }),
  tokenIssuer: text('TOKEN_ISSUER', /^[\x21-\x7e]{1,200}$/, 'holdfast', {
    expected: 'up to 200 visible ASCII characters, such as a URL',
    meaning: 'Who access tokens say they are from (`iss`); those of another issuer are refused',
    example: 'https://shop.example',
  }),
  passwordThreads: whole('PASSWORD_THREADS', [1, threadsMax], undefined, {
    meaning: 'Threads that hash passwords, each some 18 a second of an idle core, behind everybody else',
    example: '2',
    fallbackText: '1 for every 4 cores, at least 1',
  }),
}

export function readAccounts(
  take: <Value, Fallback>(setting: Setting<Value, Fallback>) => Value | Fallback,
  cores: number,
): AccountConfig {
  const { accessTokenSeconds, refreshTokenDays, tokenIssuer, passwordThreads } = accountSettings
  return {
    accessTokenMs: take(accessTokenSeconds) * SECOND_MS,
    refreshTokenMs: take(refreshTokenDays) * DAY_MS,
    tokenIssuer: take(tokenIssuer),
    passwordThreads: take(passwordThreads) ?? Math.max(1, Math.floor(cores / 4)),
  }
}
