/** `journal repair`: makes a damaged journal one that can be served, and says first what that costs. */
import { relative, resolve } from 'node:path'
import { timeText } from '../persistence/journal/event-fields.ts'
import { realClock } from '../seams.ts'
import type { Command } from './command-line.ts'
import { type ExitCode, exitCodes, Unusable } from './exit-codes.ts'
import { expectDirectory, type JournalFiles } from './journal-files.ts'
import { withMaintenance } from './maintenance.ts'
import { didYouMean } from './nearest.ts'
import { applyChanges, keptNames } from './repair/apply.ts'
import { type ChoiceName, choiceNames, isLossless } from './repair/choice.ts'
import { lossText } from './repair/loss.ts'
import { type Option, planRepair, type RepairPlan, type Step } from './repair/plan.ts'
import { type Repair, repairsName } from './repairs-record.ts'
import { countOf, quoted, type Terminal } from './terminal.ts'
import { auditJournal } from './verify/audit.ts'

export const repair: Command = {
  name: 'repair',
  summary: 'Explains what can be done about damage and what each choice loses; with --yes it does it.',
  help: `
  --yes           do what is marked with >; without it nothing is changed
  --choose NAME   take this choice wherever it is offered, instead of the one that loses least
  --archive DIR   a directory with whole copies of the journal's files: an archive, or a backup; may be given twice

Choices
  copy       a whole copy of the file (from --archive) or of the frame (carried by a later start) is taken
  bit        a single flipped bit is turned back, where checksum and hashes prove it
  rebuild    a mark, the directory's record or carried frames are written anew from what there is
  clear      bytes where nothing was ever written, or counts, are cleared
  drop       a damaged snapshot, or a file that is not the journal's, is set aside
  forget     a damaged record of archived files is set aside
  snapshot   what is behind the damage is taken from snapshots: stock is kept, history is lost
  cut        all events behind the damage are given up, in this stream and in those that went on from it

Each choice is tried on a draft to its end, and compared with what there is: so what is said to be lost is what will be.
For that everything is read again at each step, which takes its time with a large journal.
No engine may be running. Every file that changes is kept beside, as <file>.damaged-<time>; what was done and lost is added
to ${repairsName} in the journal's directory before anything is, and verify tells of it from then on. Afterwards verify
finds the journal good, and a server starts on it. If it is interrupted, run it again.

Exit code 0: good, or repaired. 1: there is damage, and nothing was changed. 2: torn, which the next start cuts off; there
is nothing to repair. 3: an engine has the directory, or the command line is wrong.`,
  example: 'repair --archive /backup/holdfast',
  options: ['yes', 'choose', 'archive'],
  async run(files, options, terminal) {
    if (files.redis !== undefined)
      throw new Unusable(
        'These files are a mirror of the journal in Redis: move them away, and they are copied anew. What Redis itself has lost comes from its own backups.',
      )
    const prefer = choiceOf(options.choose)
    const sources = options.archive.map((given) => resolve(given))
    for (const path of sources) expectDirectory(path, `There is no directory ${path}`, '--archive names it.')
    const { json, yes } = options
    if (files.isLive()) throw stillRunning(files)
    const work = () => planAndApply(files, { sources, prefer, json, yes, terminal })
    if (!yes) return work()
    return withMaintenance(files, (isLive) => {
      if (isLive) throw stillRunning(files)
      return work()
    })
  },
}

type Parts = {
  readonly sources: readonly string[]
  readonly prefer: ChoiceName | undefined
  readonly json: boolean
  readonly yes: boolean
  readonly terminal: Terminal
}

function planAndApply(files: JournalFiles, parts: Parts): ExitCode {
  const { sources, prefer, json, yes, terminal } = parts
  const at = timeText(realClock.wallMs())
  const plan = planRepair(files, { sources, prefer, at, progress: terminal.progress })
  const { steps, stuck } = plan
  const isDone = yes && stuck === undefined && steps.length > 0
  const { changes } = plan.draft
  const kept = keptNames(files.disk, changes, at)
  const record = recordOf(files, plan, { at, kept })
  if (isDone) applyChanges(files.disk, files.journal, { changes, kept, repair: record })
  const verdict = isDone ? auditJournal(filesNow(files, plan)).verdict : plan.audit.verdict
  const exitCode = exitCodeOf(plan, isDone, verdict)
  if (json) {
    const shown = steps.map(({ finding, options, chosen }) => ({
      ...finding,
      choices: options.map(({ choice: { name, does }, outcome }) => {
        return { name, does, isChosen: name === chosen.name && does === chosen.does, outcome }
      }),
    }))
    terminal.line(
      JSON.stringify({
        command: 'repair',
        exitCode,
        isDone,
        at,
        steps: shown,
        loss: plan.loss,
        stuck,
        kept: record.kept,
      }),
    )
  } else for (const line of describe(plan, { ...parts, isDone, verdict, record })) terminal.line(line)
  return exitCode
}

function exitCodeOf(
  { steps, stuck }: RepairPlan,
  isDone: boolean,
  verdict: 'good' | 'torn' | 'damaged',
): ExitCode {
  if (steps.length === 0 && stuck === undefined) return exitCodes[verdict]
  return isDone && verdict !== 'damaged' ? exitCodes.good : exitCodes.damaged
}

/** The directory's own record may be among what was repaired; and who holds its lock is this command. */
function filesNow(files: JournalFiles, { draft }: RepairPlan): JournalFiles {
  const { shards, recordProblem } = draft.files
  return { ...files, shards, recordProblem, isLive: () => false }
}

function recordOf(
  { root }: JournalFiles,
  { steps, loss }: RepairPlan,
  { at, kept }: { readonly at: string; readonly kept: ReadonlyMap<string, string> },
): Repair {
  return {
    at,
    steps: steps.map(({ finding, chosen }) => {
      const { file, offset, reason } = finding
      return { file, offset, found: reason, choice: chosen.name, did: chosen.does }
    }),
    loss,
    kept: [...kept].map(([file, as]) => ({ file: relative(root, file), as: relative(root, as) })),
  }
}

function choiceOf(text: string | undefined): ChoiceName | undefined {
  if (text === undefined) return undefined
  const name = choiceNames.find((candidate) => candidate === text)
  if (name !== undefined) return name
  throw new Unusable(
    `--choose takes ${choiceNames.join(', ')}, and was given ${quoted(text)}.${didYouMean(text, choiceNames)}`,
  )
}

function stillRunning({ root }: JournalFiles): Unusable {
  return new Unusable(
    `An engine, or another command, has ${root}. Stop it first: nothing may write while files are mended.`,
  )
}

function describe(
  plan: RepairPlan,
  about: Parts & {
    readonly isDone: boolean
    readonly verdict: 'good' | 'torn' | 'damaged'
    readonly record: Repair
  },
): string[] {
  const { steps, stuck, loss } = plan
  const { terminal, isDone, verdict } = about
  if (steps.length === 0 && stuck === undefined) {
    return verdict === 'torn'
      ? [
          'Nothing to repair: the journal is torn, and the next start cuts off what a crash left half written.',
        ]
      : ['Nothing to repair: the journal is good.']
  }
  const lines = steps.flatMap((step, i) => stepLines(step, i + 1, terminal))
  if (stuck !== undefined) {
    const advice = 'Restore its files from a backup, or name one with --archive.'
    lines.push(
      `${terminal.paint('red', 'This cannot be repaired:')} ${stuck}. ${advice}`,
      'Nothing was changed.',
    )
    return lines
  }
  lines.push('All in all', ...lossText(loss).map((line) => `  ${line}`), '')
  if (!isDone) {
    lines.push(
      `With ${countOf(steps.length, 'step')} the journal is good again, and a server starts on it. Nothing was changed: --yes does what is marked.`,
    )
    return lines
  }
  for (const { file, as } of about.record.kept) lines.push(`kept       ${file} as ${as}`)
  const how =
    verdict === 'damaged' ? terminal.paint('red', 'Damaged still.') : terminal.paint('green', 'Repaired.')
  lines.push(
    '',
    `${how} What was done is in journal/${repairsName}; "journal verify" tells of it from now on.`,
  )
  return lines
}

function stepLines({ finding, options, chosen }: Step, number: number, terminal: Terminal): string[] {
  const { file, offset, reason } = finding
  const where =
    offset === undefined ? quoted(file).slice(1, -1) : `${quoted(file).slice(1, -1)}, byte ${offset}`
  const lines = [`${number}. ${where}: ${quoted(reason).slice(1, -1).replaceAll('\\"', '"')}`]
  const isOnly = options.length === 1
  for (const option of options)
    lines.push(...optionLines(option, { isChosen: option.choice.does === chosen.does, isOnly, terminal }))
  return [...lines, '']
}

function optionLines(
  { choice, outcome }: Option,
  about: { readonly isChosen: boolean; readonly isOnly: boolean; readonly terminal: Terminal },
): string[] {
  const { isChosen, isOnly, terminal } = about
  const head = `   ${isChosen ? '>' : ' '} ${choice.name.padEnd(9)} ${choice.does}`
  const lines = [isChosen ? terminal.paint('bold', head) : head]
  const indent = ' '.repeat(15)
  if (isLossless(choice.name)) lines.push(`${indent}lost: nothing by this`)
  else if (outcome.type === 'stuck') lines.push(`${indent}leads to nothing that can be served`)
  // What the only way out loses is said once, at the end.
  else if (outcome.type === 'known' && !isOnly)
    lines.push(...lossText(outcome.loss).map((line) => indent + line))
  return lines
}
