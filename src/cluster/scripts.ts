/** The Lua scripts, sent whole with each call: they are short, and no primary need have seen them before. */
import { readFileSync } from 'node:fs'

export type ScriptName = 'agree' | 'beat' | 'claim' | 'close' | 'count' | 'leave' | 'pass-on' | 'renew'

const texts = new Map<ScriptName, string>()

/** The command that runs it, as a pipeline takes it. */
export function scriptCall(
  name: ScriptName,
  keys: readonly string[],
  args: readonly (string | number)[],
): [command: 'eval', ...args: (string | number)[]] {
  let text = texts.get(name)
  if (text === undefined) {
    text = readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8')
    texts.set(name, text)
  }
  return ['eval', text, keys.length, ...keys, ...args]
}
