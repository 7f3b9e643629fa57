/** What is wrong with settings, for a person at a terminal. */

export type Problem = {
  readonly variable: string
  /** As it may be shown: quoted and escaped, or its length alone where it is a secret. */
  readonly received: string
  readonly expected: string
  readonly example: string
}

/** All problems as one text for a person at a terminal. */
export function explain(problems: readonly Problem[]): string {
  const count = problems.length === 1 ? '1 setting is' : `${problems.length} settings are`
  const lines = problems.map(({ variable, received, expected, example }) => {
    return `  ${variable}\n    received  ${received}\n    expected  ${expected}\n    example   ${variable}=${example}`
  })
  return [`Holdfast cannot start: ${count} wrong.`, ...lines].join('\n\n')
}

/** A value as it may be printed. */
export function shown(value: string, secret = false): string {
  if (secret) return `${value.length} characters, not shown`
  // JSON's escapes keep a stray control sequence from reaching the terminal.
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value)
}
