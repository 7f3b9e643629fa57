/**
 * How a damaged journal can be made good: a choice for each thing that `verify` finds, one after the other, tried on a
 * draft until `verify` finds nothing more and recovery comes to an end.
 *
 * What a choice loses is not guessed: the draft is taken to its end with it, and compared with what there is.
 */
import type { ShardId } from '../../domain/ids.ts'
import { recover } from '../../persistence/journal/recovery.ts'
import { isDamage } from '../damage-report.ts'
import type { JournalFiles } from '../journal-files.ts'
import type { Loss } from '../repairs-record.ts'
import { shardsOf } from '../shard-base.ts'
import { noProgress, type Progress } from '../terminal.ts'
import { type Audit, auditJournal } from '../verify/audit.ts'
import type { Damage, Finding } from '../verify/findings.ts'
import { type Choice, type ChoiceName, choiceNames, isLossless, type Scene } from './choice.ts'
import { Draft } from './draft.ts'
import { copyChoices, fileChoices } from './file-choices.ts'
import { lossBetween, weightOf } from './loss.ts'
import { streamChoices } from './stream-choices.ts'

/** What is lost in the end, all steps behind it included. */
export type Outcome =
  | { readonly type: 'known'; readonly loss: Loss }
  /** It leads to no journal that can be served. */
  | { readonly type: 'stuck' }
  /** Nobody would read so many. */
  | { readonly type: 'untried' }

export type Option = { readonly choice: Choice; readonly outcome: Outcome }

export type Step = { readonly finding: Finding; readonly options: readonly Option[]; readonly chosen: Choice }

export type RepairPlan = {
  readonly draft: Draft
  readonly steps: readonly Step[]
  /** Of the draft at its end. */
  readonly audit: Audit
  readonly loss: Loss
  /** Why it comes to no good end. */
  readonly stuck: string | undefined
}

export type PlanParts = {
  /** Directories in which whole copies of files may be. */
  readonly sources: readonly string[]
  /** Taken wherever it is offered. */
  readonly prefer: ChoiceName | undefined
  readonly at: string
  /** Asked at each of the many times that everything is read. */
  readonly progress?: (totalBytes: number) => Progress
}

/** What everything else rests on comes first; frames before what they are compared with. */
const ORDER: readonly Damage[] = [
  'record',
  'archiveRecord',
  'format',
  'notOurs',
  'base',
  'mark',
  'stray',
  'size',
  'frame',
  'segmentGone',
  'streamGone',
  'events',
  'carried',
  'carriedGone',
  'gap',
  'history',
  'tail',
  'beyond',
  'snapshot',
  'archivedCopy',
]
/** Damage of which each further piece is found only when the one before is mended. */
const stepsMax = 10_000
/** So many steps are explained with all their options; for more, nobody would read them. */
const comparedMax = 10

/** Reads everything, several times, and changes nothing. */
export function planRepair(files: JournalFiles, parts: PlanParts): RepairPlan {
  const before = new Draft(files)
  const planner = new Planner(before, parts)
  return planner.run(before.copy(), planner.audit(before), planner.compare)
}

class Planner {
  readonly #before: Draft
  readonly #parts: PlanParts

  constructor(before: Draft, parts: PlanParts) {
    this.#before = before
    this.#parts = parts
  }

  audit({ files }: Draft): Audit {
    let progress = noProgress
    const audit = auditJournal(files, {
      onInventory: (bytes) => {
        progress = this.#parts.progress?.(bytes) ?? noProgress
      },
      onBytes: (bytes) => progress.advance(bytes),
    })
    progress.done()
    return audit
  }

  /** Mends one thing after the other, as `take` says. */
  run(draft: Draft, audit: Audit, take: Take): RepairPlan {
    const steps: Step[] = []
    let current = draft
    let now = audit
    for (;;) {
      const finding = firstOf(now)
      let stuck = finding === undefined ? whyNotServed(current) : undefined
      const tried =
        finding === undefined ? [] : this.#tried({ draft: current, audit: now, finding, ...this.#parts })
      if (finding !== undefined && tried.length === 0)
        stuck = `nothing mends this: ${finding.file}: ${finding.reason}`
      else if (steps.length === stepsMax) stuck = `after ${stepsMax} steps there is damage still`
      if (finding === undefined || stuck !== undefined) {
        const loss = lossBetween(this.#before, current, now)
        return { draft: current, audit: now, steps, stuck, loss }
      }
      const { best, options } = take(tried, steps.length)
      steps.push({ finding, options, chosen: best.choice })
      current = best.draft
      now = best.audit
    }
  }

  /** The choice that was asked for, or the one that loses least when each is taken to its end. */
  readonly compare: Take = (tried, at) => {
    const { prefer } = this.#parts
    if (at >= comparedMax) return preferring(prefer)(tried, at)
    const options = tried.map((one) => this.#toItsEnd(one, tried.length === 1))
    const [best] = tried
      .flatMap((one, i) => {
        const outcome = options[i]?.outcome
        return outcome?.type === 'known' ? { one, loss: outcome.loss } : []
      })
      .sort((a, b) => byWeight(a.loss, b.loss))
    const preferred = tried.find(({ choice }, i) => {
      return choice.name === prefer && options[i]?.outcome.type !== 'stuck'
    })
    return { best: preferred ?? best?.one ?? (tried[0] as Tried), options }
  }

  /** The choices that do away with the finding, those that lose nothing first. */
  #tried(scene: Scene): Tried[] {
    const choices = [...fileChoices(scene), ...copyChoices(scene), ...streamChoices(scene)]
    const tried = choices.flatMap((choice) => {
      const draft = scene.draft.copy()
      choice.apply(draft)
      const audit = this.audit(draft)
      const isGone = !audit.findings.some((finding) => isSame(finding, scene.finding))
      return isGone ? { choice, draft, audit } : []
    })
    return tried.sort((a, b) => choiceNames.indexOf(a.choice.name) - choiceNames.indexOf(b.choice.name))
  }

  /** What a choice loses, with the same one taken wherever it is offered again. */
  #toItsEnd({ choice, draft, audit }: Tried, isOnly: boolean): Option {
    if (isOnly && isLossless(choice.name)) return { choice, outcome: { type: 'untried' } }
    const { loss, stuck } = this.run(draft, audit, preferring(choice.name))
    return { choice, outcome: stuck === undefined ? { type: 'known', loss } : { type: 'stuck' } }
  }
}

/** Chooses among what was tried for the nth step. */
type Take = (
  tried: readonly Tried[],
  at: number,
) => { readonly best: Tried; readonly options: readonly Option[] }

function preferring(name: ChoiceName | undefined): Take {
  return (tried) => {
    const best = tried.find(({ choice }) => choice.name === name) ?? (tried[0] as Tried)
    return { best, options: [{ choice: best.choice, outcome: { type: 'untried' } }] }
  }
}

type Tried = { readonly choice: Choice; readonly draft: Draft; readonly audit: Audit }

function byWeight(one: Loss, other: Loss): number {
  const [events, history] = weightOf(one)
  const [otherEvents, otherHistory] = weightOf(other)
  return events - otherEvents || history - otherHistory
}

function firstOf({ findings }: Audit): Finding | undefined {
  // Where shards differ no file is at fault; and of what is given up here, others go on to know.
  const damaged = findings.filter(({ kind, what }) => kind === 'damaged' && what !== 'between')
  const rankOf = ({ what }: Finding) => (what === undefined ? ORDER.length : ORDER.indexOf(what))
  return damaged.sort((a, b) => rankOf(a) - rankOf(b))[0]
}

function isSame(one: Finding, other: Finding): boolean {
  return (
    one.kind === other.kind &&
    one.file === other.file &&
    one.what === other.what &&
    one.reason === other.reason
  )
}

/** `verify` shares no code with recovery: so both are asked. */
function whyNotServed({ files }: Draft): string | undefined {
  try {
    const shardsOfData = shardsOf(files)
    recover({
      disk: files.disk,
      journalDirectory: files.journal,
      snapshotDirectory: files.snapshots,
      shards: Array.from({ length: shardsOfData }, (_, shard) => shard as ShardId),
      shardsOfData,
    })
    return undefined
  } catch (error) {
    if (!isDamage(error)) throw error
    return `recovery does not come to its end: ${error.message}`
  }
}
