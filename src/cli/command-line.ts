/** What was asked for on the command line, or what is wrong with it. */
import { parseArgs } from 'node:util'
import { type ExitCode, Unusable } from './exit-codes.ts'
import type { JournalFiles } from './journal-files.ts'
import { didYouMean } from './nearest.ts'
import { quoted, type Terminal } from './terminal.ts'

/** Every option of every command. What the values of one mean is for the command that takes it to say. */
const OPTIONS = {
  data: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  stock: { type: 'boolean', default: false },
  limit: { type: 'string' },
  follow: { type: 'boolean', short: 'f', default: false },
  lines: { type: 'string', short: 'n' },
  at: { type: 'string' },
  since: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  before: { type: 'string' },
  shard: { type: 'string' },
  out: { type: 'string' },
  archive: { type: 'string', multiple: true },
  keep: { type: 'string' },
  'dry-run': { type: 'boolean', default: false },
  choose: { type: 'string' },
  yes: { type: 'boolean', default: false },
  product: { type: 'boolean', default: false },
  customer: { type: 'boolean', default: false },
  'newest-first': { type: 'boolean', default: false },
} as const

type OptionName = keyof typeof OPTIONS

const EVERYWHERE: readonly OptionName[] = ['data', 'json', 'help']
const countMax = 1_000_000

/** As they were given; values are read by `countOf` and by what the commands share. */
export type Options = {
  /** One JSON object instead of text; of a list, one a line. */
  readonly json: boolean
  readonly stock: boolean
  readonly limit: number | undefined
  readonly follow: boolean
  readonly lines: number | undefined
  readonly at: string | undefined
  readonly since: string | undefined
  readonly from: string | undefined
  readonly to: string | undefined
  readonly before: string | undefined
  readonly shard: number | undefined
  readonly out: string | undefined
  readonly archive: readonly string[]
  readonly keep: number | undefined
  readonly dryRun: boolean
  readonly choose: string | undefined
  readonly yes: boolean
  readonly product: boolean
  readonly customer: boolean
  readonly newestFirst: boolean
  /** The word behind the command's name, where it takes one; otherwise empty. */
  readonly argument: string
}

export type Command = {
  readonly name: string
  readonly summary: string
  /** What it must be given besides options, as `--help` shows it: `<product>`. */
  readonly argument?: string
  /** What `--help` adds to usage and summary. */
  readonly help: string
  /** What one would type, the command's name first; shown by `--help` too. */
  readonly example: string
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
  return { type: 'run', command, ...valuesOf(args, argumentOf(command, more)) }
}

/** Usage, commands and what is the same for all of them; or one command's own. */
export function helpText(command: Command | undefined, commands: readonly Command[]): string {
  const common = `  --data DIR   the data directory; without it DATA_DIR, else ./data
  --json       JSON on standard output instead of text
  -h, --help   this text`
  if (command !== undefined) {
    const usage = `${command.name}${command.argument === undefined ? '' : ` ${command.argument}`}`
    return `npm run journal -- ${usage} [options]

${command.summary}

${command.help.replace(/^\n|\n$/g, '')}

${common}

Example
  npm run journal -- ${command.example}
`
  }
  const names = commands.map(({ name, argument }) => (argument === undefined ? name : `${name} ${argument}`))
  const width = Math.max(...commands.map(({ name }) => name.length))
  const list = commands.map(({ name, summary }) => `  ${name.padEnd(width)}   ${summary}`)
  return `npm run journal -- <command> [options]

Looks at the journal of a data directory, whether an engine runs on it or not. Only archive and repair change anything there.

${list.join('\n')}

${common}

Exit codes
  0   good
  1   damaged: something that was durable is missing, changed, or breaks an invariant
  2   torn: a crash left something half written, which nobody was told of; the next start cuts it off
  3   the command line is wrong, there is no such thing, or there is no journal that can be read

Usage: ${names.join(' | ')}
npm run journal -- <command> --help says more of one, with an example.
`
}

function commandNamed(word: string, commands: readonly Command[]): Command {
  const command = commands.find(({ name }) => name === word)
  if (command !== undefined) return command
  const names = commands.map(({ name }) => name)
  throw new Unusable(
    `There is no command ${quoted(word)}.${didYouMean(word, names) || ` There are ${names.join(', ')}.`}`,
  )
}

function argumentOf({ name, argument, example }: Command, words: readonly string[]): string {
  const [first, ...more] = words
  const tooMany = argument === undefined ? first : more[0]
  if (tooMany !== undefined) {
    const takes = argument === undefined ? 'takes options only' : `takes one ${argument}`
    throw new Unusable(`${quoted(tooMany)} is too much: ${name} ${takes}.`)
  }
  if (argument !== undefined && (first === undefined || first === ''))
    throw new Unusable(`${name} needs ${argument}, as in: npm run journal -- ${example}`)
  return first ?? ''
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
    const known = taken.map((option) => `--${option}`)
    throw new Unusable(`There is no option ${rawName}.${didYouMean(rawName, known)}`)
  }
  const owners = commands.filter(({ options }) => options.some((option) => option === name))
  throw new Unusable(
    `${rawName} is an option of ${owners.map((owner) => owner.name).join(', ')}, not of ${command?.name}.`,
  )
}

/** Values of the right kind, now that every name is known. */
function valuesOf(
  args: readonly string[],
  argument: string,
): { readonly data: string | undefined; readonly options: Options } {
  const { values } = strictly(args)
  const {
    data,
    json,
    stock,
    follow,
    at,
    since,
    from,
    to,
    before,
    out,
    choose,
    yes,
    product,
    customer,
    archive = [],
  } = values
  const texts = { at, since, from, to, before, out, choose }
  const flags = { json, stock, follow, yes, product, customer }
  return {
    data,
    options: {
      ...texts,
      ...flags,
      dryRun: values['dry-run'],
      newestFirst: values['newest-first'],
      limit: countOf('--limit', values.limit),
      lines: countOf('-n', values.lines),
      keep: countOf('--keep', values.keep),
      shard: countOf('--shard', values.shard),
      archive,
      argument,
    },
  }
}

function strictly(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    // Further lines are advice, and each ends in a full stop already.
    const [what = ''] = error.message.split(/\.?\n/)
    throw new Unusable(`${what}.`, { cause: error })
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
