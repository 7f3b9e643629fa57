/** What settings of several variables are read with: each value, each secret, and what is wrong with any of them. */
import type { Setting } from '../setting.ts'

/** A secret stands in its own variable, or in the file that a second one names. */
export type Secret =
  | { readonly type: 'absent' }
  /** Which has been reported. */
  | { readonly type: 'unreadable' }
  | { readonly type: 'given'; readonly text: string; readonly source: Setting<string, unknown> }

export type SecretSetting = {
  readonly value: Setting<string, undefined>
  readonly file: Setting<string, undefined>
}

export type SettingsReader = {
  /** The setting's value. Where it is wrong that is reported, and the fallback stands in. */
  take<Value, Fallback>(setting: Setting<Value, Fallback>): Value | Fallback
  /** Whether there is a value, right or wrong. */
  isGiven(setting: Setting<unknown, unknown>): boolean
  secret(setting: SecretSetting): Secret
  /** `received` as it may be shown. */
  report(setting: Setting<unknown, unknown>, received: string, expected?: string): void
}

/** 32 hexadecimal digits drawn by chance have fewer once in 20 million times; a word repeated has. */
const distinctCharactersMin = 8
const DEFAULT_WORDS =
  /change[-_ ]?(?:me|this|it)|pass(?:word|wd)|default|example|placeholder|replace[-_ ]?(?:me|this)|insert[-_ ]?your/i

/** Whether a secret reads as if a person or a template had put it there, and not chance. */
export function looksTyped(secret: string): boolean {
  return DEFAULT_WORDS.test(secret) || new Set(secret).size < distinctCharactersMin
}
