/** A way to mend one thing that is damaged. */
import type { Audit } from '../verify/audit.ts'
import type { Finding } from '../verify/findings.ts'
import type { Draft } from './draft.ts'

/** In the order in which they are preferred where they lose the same. */
export const choiceNames = ['copy', 'bit', 'rebuild', 'clear', 'drop', 'forget', 'snapshot', 'cut'] as const

export type ChoiceName = (typeof choiceNames)[number]

/** Whether it loses nothing by itself, whatever it leads to. */
export function isLossless(name: ChoiceName): boolean {
  return name !== 'snapshot' && name !== 'cut' && name !== 'forget'
}

export type Choice = {
  readonly name: ChoiceName
  /** What it does, as a sentence without its end. */
  readonly does: string
  apply(draft: Draft): void
}

export type Scene = {
  readonly draft: Draft
  /** Of the draft as it is, and the finding of it that is to be mended. */
  readonly audit: Audit
  readonly finding: Finding
  /** Directories in which whole copies of files may be. */
  readonly sources: readonly string[]
  /** RFC 3339. */
  readonly at: string
}
