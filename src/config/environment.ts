/** Reads settings from an environment, and collects what is wrong with them. Pure: files are read by a parameter. */
import type { Setting } from '../setting.ts'
import { type Problem, shown } from './explain.ts'
import type { Secret, SecretSetting, SettingsReader } from './secret.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Set but empty counts as unset, as everywhere: compose files and shells leave such behind. */
export function given(environment: Environment, variable: string): string | undefined {
  const value = environment[variable]
  return value === '' ? undefined : value
}

/** `problems` is filled as settings are read; `readFile` throws what `readFileSync` throws. */
export function openSettings(
  environment: Environment,
  readFile: (path: string) => string,
): { readonly reader: SettingsReader; readonly problems: Problem[] } {
  const problems: Problem[] = []
  const report = (setting: Setting<unknown, unknown>, received: string, expected = setting.expected) =>
    void problems.push({ variable: setting.variable, received, expected, example: setting.example })

  function take<Value, Fallback>(setting: Setting<Value, Fallback>): Value | Fallback {
    const value = given(environment, setting.variable)
    if (value === undefined) return setting.fallback
    const parsed = setting.schema.safeParse(value)
    if (parsed.success) return parsed.data
    report(setting, shown(value, setting.secret))
    return setting.fallback
  }

  function secret({ value: setting, file: fileSetting }: SecretSetting): Secret {
    const file = take(fileSetting)
    const text = given(environment, setting.variable)
    if (file === undefined) {
      return text === undefined ? { type: 'absent' } : { type: 'given', text, source: setting }
    }
    if (text !== undefined) {
      const { variable } = fileSetting
      report(setting, shown(text, true), `unset where ${variable} is set: which of the two holds?`)
      return { type: 'unreadable' }
    }
    try {
      return { type: 'given', text: readFile(file).trim(), source: fileSetting }
    } catch (error) {
      const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error)
      report(fileSetting, shown(file), `a file that can be read (${reason})`)
      return { type: 'unreadable' }
    }
  }

  const isGiven = ({ variable }: Setting<unknown, unknown>) => given(environment, variable) !== undefined
  return { reader: { take, isGiven, secret, report }, problems }
}
