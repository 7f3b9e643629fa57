/** What the journal's commands end with. */
export type ExitCode = 0 | 1 | 2 | 3

export const exitCodes = {
  good: 0,
  /** Something that was durable is missing, changed, or breaks an invariant. */
  damaged: 1,
  /** What a crash left half written, and the next start cuts off. Nothing acknowledged is lost. */
  torn: 2,
  /** The command line is wrong, or there is nothing that can be read. */
  unusable: 3,
} as const

/** The command cannot do its work: a wrong command line, or no journal to look at. */
export class Unusable extends Error {
  override readonly name = 'Unusable'
}
