/** All the bugs that are planted, the longest list of what must never slip through. */
import type { Mutant } from './mutant.ts'
import { mutantsOfSeveralProducts } from './of-several-products.ts'
import { mutantsOfTheJournal } from './of-the-journal.ts'
import { mutantsOfTheRules } from './of-the-rules.ts'
import { mutantsOfTheShard } from './of-the-shard.ts'

export const mutants: readonly Mutant[] = [
  ...mutantsOfTheRules,
  ...mutantsOfSeveralProducts,
  ...mutantsOfTheShard,
  ...mutantsOfTheJournal,
]
