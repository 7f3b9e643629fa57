/**
 * Bugs of the list in test/mutants that only a fault of the disk brings to light, each with the sweep that must see it.
 * What is caught here by a sweep is caught there by a test that was made for it.
 */
import { type Mutant, ROOT } from '../mutants/mutant.ts'
import { mutants } from '../mutants/mutants.ts'
import { envOf, saysNothing } from '../mutants/trial.ts'
import { runFile } from '../support/file-run.ts'

export type Sweep = {
  readonly file: 'crashes' | 'flips'
  /** Part of the name of the sweep. */
  readonly grep: string
  readonly every: number
}

const calls = (mode: string): Sweep => ({ file: 'crashes', grep: `call to the disk \\(${mode}\\)`, every: 7 })
const images: Sweep = { file: 'crashes', grep: 'of the power', every: 9 }
const flips: Sweep = { file: 'flips', grep: 'is noticed', every: 256 }
const blocks: Sweep = { file: 'flips', grep: 'in the wrong place', every: 2 }

const caughtBy: Readonly<Record<string, Sweep>> = {
  'answers leave before they are durable': images,
  'a read shows a count that is not durable': images,
  'answers still leave after a sync has failed': calls('EIO once'),
  'a failed sync is tried again': calls('EIO once'),
  'nothing is synced': images,
  'frames written while a sync was under way count as synced by it': images,
  'the mark says more than is durable': images,
  'damage below the mark is cut off without a word': flips,
  'a checksum that does not match is let pass': flips,
  'the hash chain is not looked at': blocks,
  'a start does not write anew what was only read back': calls('EIO once'),
  'a start rests on a mark that was only read back': calls('EIO once'),
  'the count of each customer is lost at a snapshot': images,
  'a snapshot gets its name before it is synced': images,
  'a damaged snapshot stops the shard instead of giving way to an older one': flips,
  'a journal that lost its end behind a snapshot is believed': blocks,
  'the name of a new segment is not synced': images,
  'a stream that was taken over goes on counting': calls('power lost'),
  'the answer under a key is not kept with its event': calls('killed'),
}

export type Planted = { readonly mutant: Mutant; readonly sweep: Sweep }

export const planted: readonly Planted[] = Object.entries(caughtBy).map(([name, sweep]) => {
  const mutant = mutants.find((one) => one.name === name)
  if (mutant === undefined) throw new Error(`nobody plants "${name}"`)
  return { mutant, sweep }
})

const LIMITS = { fileMs: 900_000, exitMs: 5_000 }

/** What the sweep finds with the bug; undefined where it finds nothing, or does not even come to looking. */
export async function findingOf({ mutant, sweep }: Planted, seed: number): Promise<string | undefined> {
  const { failures } = await runFile(`test/storage/${sweep.file}.test.ts`, {
    root: ROOT,
    grep: sweep.grep,
    limits: LIMITS,
    env: { ...envOf(mutant), EVERY: String(sweep.every), TEST_SEED: String(seed) },
  })
  return failures.find(({ error }) => !saysNothing.test(error))?.error
}
