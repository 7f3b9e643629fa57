/** Ids of what the tables hold. */
import { ulid } from 'ulid'
import type { Moment } from './operation.ts'

/** `<prefix>_` and a ULID: 48 bits of time, so that newer ids come later, and 80 random ones, so that nobody guesses any. */
export function drawId<Prefix extends string>(
  prefix: Prefix,
  { nowMs, random }: Pick<Moment, 'nowMs' | 'random'>,
): `${Prefix}_${string}` {
  return `${prefix}_${ulid(nowMs, () => random.fraction())}`
}
