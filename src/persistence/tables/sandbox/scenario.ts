/** What the sandbox does with a charge, by name. Which card or token asks for which, the gateway's test instruments say. */
import { assert } from '../../../domain/assert.ts'

export type Scenario = {
  readonly charge:
    | { readonly status: 'succeeded' }
    | { readonly status: 'failed'; readonly reason: string }
    /** Becomes final after a while, whether anybody looks or not. */
    | {
        readonly status: 'pending'
        readonly wait: 'short' | 'long'
        /** A failure's reason; undefined where it succeeds. */
        readonly failsWith?: string
      }
  /** Whether the caller hears the outcome of the first call. */
  readonly answer: 'told' | 'timed-out'
  /** How often it is told once it is final, and when. */
  readonly webhook: { readonly copies: number; readonly wait: 'none' | 'long' }
  readonly refund: 'succeeded' | 'pending-then-succeeded' | 'pending-then-failed'
}

export type ScenarioName = keyof typeof SCENARIOS

/** How long things take, in a sandbox where nothing does by itself. */
export type SandboxDelays = { readonly shortMs: number; readonly longMs: number }

const told = { answer: 'told', webhook: { copies: 1, wait: 'none' }, refund: 'succeeded' } as const

export const SCENARIOS = {
  approve: { charge: { status: 'succeeded' }, ...told },
  decline: failing('declined'),
  'insufficient-funds': failing('insufficient-funds'),
  'invalid-card': failing('invalid-card'),
  'expired-card': failing('expired-card'),
  'invalid-cvc': failing('invalid-cvc'),
  'invalid-token': failing('invalid-token'),
  'processing-error': failing('processing-error'),
  'pending-then-success': { charge: { status: 'pending', wait: 'short' }, ...told },
  'pending-then-failure': { charge: { status: 'pending', wait: 'short', failsWith: 'abandoned' }, ...told },
  'slow-success': { charge: { status: 'pending', wait: 'long' }, ...told },
  'captured-then-time-out': {
    ...told,
    charge: { status: 'succeeded' },
    answer: 'timed-out',
    webhook: { copies: 0, wait: 'none' },
  },
  'duplicate-webhook': { ...told, charge: { status: 'succeeded' }, webhook: { copies: 3, wait: 'none' } },
  'late-webhook': {
    ...told,
    charge: { status: 'pending', wait: 'short' },
    webhook: { copies: 1, wait: 'long' },
  },
  'lost-webhook': {
    ...told,
    charge: { status: 'pending', wait: 'short' },
    webhook: { copies: 0, wait: 'none' },
  },
  'duplicate-after-pending': {
    ...told,
    charge: { status: 'pending', wait: 'short' },
    webhook: { copies: 3, wait: 'none' },
  },
  'slow-refund': { charge: { status: 'succeeded' }, ...told, refund: 'pending-then-succeeded' },
  'failing-refund': { charge: { status: 'succeeded' }, ...told, refund: 'pending-then-failed' },
} as const satisfies Readonly<Record<string, Scenario>>

/** The scenario of this name, which a row or a caller has; anything else is a mistake of the program. */
export function scenarioOf(name: string): Scenario {
  assert(Object.hasOwn(SCENARIOS, name), `the sandbox has no scenario ${name}`)
  return SCENARIOS[name as ScenarioName]
}

/** Milliseconds of a wait. */
export function waitMs(wait: 'none' | 'short' | 'long', { shortMs, longMs }: SandboxDelays): number {
  if (wait === 'none') return 0
  return wait === 'short' ? shortMs : longMs
}

function failing<const Reason extends string>(reason: Reason) {
  return { ...told, charge: { status: 'failed', reason } } as const
}
