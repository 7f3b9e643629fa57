/** What was asked for on the command line, or what is wrong with it. */
import { parseArgs } from 'node:util'
import { editsBetween } from '../config.ts'
import { type ExitCode, Unusable } from './exit-codes.ts'
import type { JournalFiles } from './journal-files.ts'
import type { Terminal } from './terminal.ts'

/** Every option of every command: a name means the same wherever it is taken. */
const OPTIONS = {
  data: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  stock: { type: 'boolean', default: false },
  limit: { type: 'string' },
  follow: { type: 'boolean', short: 'f', default: false },
  lines: { type: 'string', short: 'n' },
} as const

type OptionName = keyof typeof OPTIONS

const EVERYWHERE: readonly OptionName[] = ['data', 'json', 'help']
const countMax = 1_000_000

export type Options = {
  /** One JSON object instead of text; of a list, one a line. */
  readonly json: boolean
  readonly stock: boolean
  readonly limit: number | undefined
  readonly follow: boolean
  readonly lines: number | undefined
}

export type Command = {
  readonly name: string
  readonly summary: string
  /** What `--help` adds to usage and summary. */
  readonly help: string
  /** Beside those of every command. */
  readonly options: readonly OptionName[]
  run(files: JournalFiles, options: Options, terminal: Terminal): ExitCode | Promise<ExitCode>
}

export type CommandLine =
  | { readonly type: 'help'; readonly command: Command | undefined }
  | {
      readonly type: 'run'
      readonly command: Command
      readonly data: string | undefined
      readonly options: Options
    }

/** Throws `Unusable` where the command line names what does not exist. */
export function readCommandLine(args: readonly string[], commands: readonly Command[]): CommandLine {
  const { tokens } = parseArgs({
    args: [...args],
    options: OPTIONS,
    allowPositionals: true,
    strict: false,
    tokens: true,
  })
  const words = tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : []))
  const wantsHelp =
    words[0] === 'help' || tokens.some((token) => token.kind === 'option' && token.name === 'help')
  const [word, ...more] = words[0] === 'help' ? words.slice(1) : words
  const command = word === undefined ? undefined : commandNamed(word, commands)
  for (const token of tokens) if (token.kind === 'option') checkOption(token, command, commands)
  if (wantsHelp) return { type: 'help', command }
  if (command === undefined)
    throw new Unusable(
      `A command is missing: ${commands.map(({ name }) => name).join(', ')}. --help says more.`,
    )
  if (more[0] !== undefined)
    throw new Unusable(`"${more[0]}" is too much: ${command.name} takes options only.`)

  const values = strictly(args)
  return {
    type: 'run',
    command,
    data: values.data,
    options: {
      json: values.json,
      stock: values.stock,
      limit: countOf('--limit', values.limit),
      follow: values.follow,
      lines: countOf('-n', values.lines),
    },
  }
}

/** Usage, commands and what is the same for all of them; or one command's own. */
export function helpText(command: Command | undefined, commands: readonly Command[]): string {
  const common = `  --data DIR   the data directory; without it DATA_DIR, else ./data
  --json       JSON on standard output instead of text
  -h, --help   this text`
  if (command !== undefined) {
    return `npm run journal -- ${command.name} [options]\n\n${command.summary}\n\n${command.help.replace(/^\n|\n$/g, '')}\n\n${common}\n`
  }
  const width = Math.max(...commands.map(({ name }) => name.length))
  const list = commands.map(({ name, summary }) => `  ${name.padEnd(width)}   ${summary}`)
  return `npm run journal -- <command> [options]

Looks at the journal of a data directory, whether an engine runs on it or not, and changes nothing.

${list.join('\n')}

${common}

Exit codes
  0   good
  1   damaged: something that was durable is missing, changed, or breaks an invariant
  2   torn: a crash left something half written, which nobody was told of; the next start cuts it off
  3   the command line is wrong, or there is no journal that can be read

npm run journal -- <command> --help says more of one.
`
}

function commandNamed(word: string, commands: readonly Command[]): Command {
  const command = commands.find(({ name }) => name === word)
  if (command !== undefined) return command
  const names = commands.map(({ name }) => name)
  throw new Unusable(
    `There is no command "${word}".${suggestion(word, names) ?? ` There are ${names.join(', ')}.`}`,
  )
}

function checkOption(
  token: { readonly name: string; readonly rawName: string },
  command: Command | undefined,
  commands: readonly Command[],
): void {
  const { name, rawName } = token
  const taken = [
    ...EVERYWHERE,
    ...(command === undefined ? commands : [command]).flatMap(({ options }) => options),
  ]
  if (taken.some((option) => option === name)) return
  if (!(name in OPTIONS)) {
    throw new Unusable(
      `There is no option ${rawName}.${
        suggestion(
          rawName,
          taken.map((option) => `--${option}`),
        ) ?? ''
      }`,
    )
  }
  const owner = commands.find(({ options }) => options.some((option) => option === name))
  throw new Unusable(`${rawName} is an option of ${owner?.name}, not of ${command?.name}.`)
}

function suggestion(word: string, known: readonly string[]): string | undefined {
  const near = known.map((other) => ({ other, edits: editsBetween(word.toLowerCase(), other) }))
  const [best] = near.sort((a, b) => a.edits - b.edits)
  if (best === undefined || best.edits > Math.max(1, best.other.length / 3)) return undefined
  return ` Did you mean ${best.other}?`
}

/** Values of the right kind, now that every name is known. */
function strictly(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true }).values
  } catch (error) {
    if (error instanceof TypeError) throw new Unusable(`${error.message}.`, { cause: error })
    throw error
  }
}

function countOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const count = /^[0-9]{1,7}$/.test(text) ? Number(text) : Number.NaN
  if (count <= countMax) return count
  throw new Unusable(
    `${option} takes a whole number from 0 to ${countMax}, and was given ${JSON.stringify(text)}.`,
  )
}
