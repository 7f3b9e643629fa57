/** Bugs in what shards say to each other of one reservation, and in who is told what. */
import type { Mutant } from './mutant.ts'

export const mutantsOfSeveralProducts: readonly Mutant[] = [
  {
    name: 'the release of a reservation of several products is forgotten where its home is not',
    file: 'src/domain/evolve-split.ts',
    find: '  for (const shard of shardsOf(split)) if (shard !== home) split.unsettled.add(shard)\n',
    replace: '  for (const shard of shardsOf(split)) if (shard === home) split.unsettled.delete(shard)\n',
    test: 'test/domain/evolve-split.test.ts',
    caughtBy:
      'an event of several products that does not fit › stops the shard: one forgotten before all have heard',
  },
  {
    name: 'the release of a reservation of several products is forgotten at its home',
    file: 'src/domain/decide-split.ts',
    find: 'return accepted(settlement, ...holdEvents(shard, { reservationId, step, lines, closed }))',
    replace:
      'return accepted(settlement, ...holdEvents(shard, { reservationId, step: 0 * step, lines, closed }))',
    test: 'test/domain/settlement.test.ts',
    caughtBy:
      'a home that hears a settlement was applied › has a shard that acknowledged waiting again with the next settlement',
  },
  {
    name: 'a settlement that comes late is applied again',
    file: 'src/domain/decide-split.ts',
    find: '    if (step <= hold.step) return []\n',
    replace: '',
    test: 'test/domain/settlement.test.ts',
    caughtBy: 'a settlement › that comes late says nothing, whatever it says',
  },
  {
    name: 'a settlement is taken for any hold of its reservation',
    file: 'src/domain/decide-split.ts',
    find: 'line.productId === stock.productId && line.holdVersion === holdVersion',
    replace: 'line.productId === stock.productId && holdVersion > 0',
    test: 'test/domain/settlement.test.ts',
    caughtBy:
      'a hold that its home settles › and that was placed after the one its home speaks of holds nothing, whatever was sold of that one',
  },
  {
    name: 'a reservation is made that shards were told will never be',
    file: 'src/domain/decide-split.ts',
    find: 'if (shard.splits.has(reservationId) || shard.aborted.has(reservationId)) {',
    replace: 'if (shard.splits.has(reservationId)) {',
    test: 'test/domain/gather-holds.test.ts',
    caughtBy: 'a reservation of several products › is made once, and never where it was given up',
  },
  {
    name: 'a line that is short leaves the other lines held',
    file: 'src/domain/decide-split.ts',
    find: '  return { events: [], refusals: [...refusals,',
    replace: '  return { events, refusals: [...refusals,',
    test: 'test/domain/gather-holds.test.ts',
    caughtBy:
      'lines that are held all or not at all › are not held where one is short, and all are told what they could have had',
  },
  {
    name: 'a home that was told nothing after its restart delivers nothing again',
    file: 'src/actors/split-duties.ts',
    find: '      if (unsettled.size > 0) this.#unsettled.set(id, nowMs)\n',
    replace: '      if (unsettled.size > 1_000) this.#unsettled.set(id, nowMs)\n',
    test: 'test/actors/split-duties.test.ts',
    caughtBy: 'a home whose settlement nobody acknowledged › tells it at once after a restart',
  },
  {
    name: 'a hold in doubt asks nobody',
    file: 'src/actors/split-duties.ts',
    find: '          this.#doubtful.set(event.reservationId, nowMs + doubtAfterMs)\n',
    replace: '          this.#doubtful.delete(event.reservationId)\n',
    test: 'test/actors/split-duties.test.ts',
    caughtBy:
      'a shard whose hold nobody settled › asks after five seconds, and again, until the home has answered',
  },
  {
    name: 'a refusal leaves while the holds of its own request stand',
    file: 'src/actors/split-coordinator.ts',
    find: "      if (holders.length > 0) await this.#abort(ask, holders)\n      return { type: 'refused', refusal: await",
    replace: "      return { type: 'refused', refusal: await",
    test: 'test/actors/split.test.ts',
    caughtBy:
      'several products in one reservation › are refused as a whole, with what each could have had, and nothing is held any more',
  },
]
