/**
 * What the process of one test file tells the runner: one JSON object a line, over file descriptor 3.
 * It is written synchronously, so that everything said before a crash, a `process.exit()` or a kill has
 * arrived. The process only says what happens; it is the runner that holds the clocks and counts.
 */
export type Report =
  /** Sent once, after the file is loaded and before its first test runs. */
  | { readonly type: 'declared'; readonly tests: readonly DeclaredTest[] }
  /** A step is a test, a hook or the end of the process: whatever can hang. */
  | { readonly type: 'started'; readonly step: string; readonly limitMs: number; readonly test?: number }
  | { readonly type: 'ended' }
  | { readonly type: 'passed'; readonly test: number }
  | { readonly type: 'failed'; readonly test: number; readonly error: string }
  | { readonly type: 'skipped'; readonly test: number; readonly reason: string }
  /** Worth reading even where everything passed. */
  | { readonly type: 'note'; readonly text: string }
  /** Something failed that belongs to no single test. */
  | { readonly type: 'fault'; readonly where: string; readonly error: string }
  /** All suites ran; the process should now end by itself. */
  | { readonly type: 'finished' }
  /** Names what keeps the process alive, shortly after it finished. */
  | { readonly type: 'still-open'; readonly resources: readonly string[] }

export type DeclaredTest = {
  readonly id: number
  /** Suite and test, as the runner prints them and as `--grep` sees them. */
  readonly name: string
  readonly limitMs: number
}

/** A test or a hook that says nothing else may take this long. */
export const STEP_LIMIT_MS = 30_000

/** The descriptor the runner opens for the reports; 0 to 2 keep their usual meaning. */
export const REPORT_FD = 3
