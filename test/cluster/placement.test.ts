import * as assert from 'uvu/assert'
import { type Candidate, type Holding, type NodeId, planPlacement } from '../../src/cluster/placement.ts'
import { Dice } from '../support/dice.ts'
import { note, suite } from '../support/suite.ts'

const placement = suite('placement')

const staying = (...ids: string[]): Candidate[] => ids.map((id) => ({ id, isLeaving: false }))
const owned = (owner: string, to?: string): Holding => ({ type: 'owned', owner, to })
const free = (lastOwner?: string): Holding => ({ type: 'free', lastOwner })

placement('free shards are shared out evenly, and each to its last owner where that has room', () => {
  const { takes, moves } = planPlacement(staying('b', 'a'), [free(), free('b'), free('b'), free('b')])
  assert.equal([...takes].sort(), [
    [0, 'a'],
    [1, 'b'],
    [2, 'b'],
    [3, 'a'],
  ])
  assert.equal(moves, [])
})

placement('what is balanced stays, whoever has the one more', () => {
  const holdings = [
    owned('c'),
    owned('c'),
    owned('a'),
    owned('b'),
    owned('c'),
    owned('b'),
    owned('a'),
    owned('b'),
  ]
  assert.equal(planPlacement(staying('a', 'b', 'c'), holdings).moves, [])
})

placement('who joins is given as few as make it even, and what is on its way counts', () => {
  const holdings = [owned('a'), owned('a'), owned('a'), owned('a'), owned('b'), owned('b'), owned('b')]
  const members = staying('a', 'b', 'c')
  assert.equal(planPlacement(members, holdings).moves, [
    { shard: 3, from: 'a', to: 'c' },
    { shard: 6, from: 'b', to: 'c' },
  ])
  holdings[3] = owned('a', 'c')
  assert.equal(planPlacement(members, holdings).moves, [{ shard: 6, from: 'b', to: 'c' }])
})

placement('who is leaving gives all away and takes nothing', () => {
  const members = [...staying('b'), { id: 'a', isLeaving: true }]
  const { takes, moves } = planPlacement(members, [owned('a'), owned('a'), owned('b'), free('a')])
  assert.equal([...takes], [[3, 'b']])
  assert.equal(moves, [
    { shard: 1, from: 'a', to: 'b' },
    { shard: 0, from: 'a', to: 'b' },
  ])
})

placement('where all are leaving, shards are left to whoever comes', () => {
  const { takes, moves, shares } = planPlacement([{ id: 'a', isLeaving: true }], [owned('a'), free()])
  assert.equal([takes.size, moves.length, shares.size], [0, 0, 0])
})

placement('what a node outside the list owns, and what nobody has seen, is left alone', () => {
  const { takes, moves } = planPlacement(staying('a'), [owned('gone'), { type: 'unknown' }, owned('a')])
  assert.equal([takes.size, moves.length], [0, 0])
})

placement('after any joins, ends and leaves it becomes balanced by the fewest moves, and then rests', () => {
  const { dice, seed } = thrown()
  for (let round = 0; round < 300; round++) new Trial({ dice, seed, lagMax: 0 }).run()
})

placement('nodes that act on what is no longer so become balanced all the same, and then rest', () => {
  const { dice, seed } = thrown()
  for (let round = 0; round < 300; round++) new Trial({ dice, seed, lagMax: 4 }).run()
})

function thrown() {
  const seed = Math.floor(Math.random() * 2 ** 31)
  note(`seed ${seed}`)
  return { dice: new Dice(seed), seed }
}

/** Nodes that each carry out their own part, one deed at a time, by what was so up to `lagMax` deeds ago. */
class Trial {
  readonly #dice: Dice
  readonly #why: string
  readonly #shards: number
  readonly #lagMax: number
  #candidates: Candidate[] = []
  /** The newest is last. */
  #holdings: (readonly Holding[])[]
  #joined = 0

  constructor({
    dice,
    seed,
    lagMax,
  }: { readonly dice: Dice; readonly seed: number; readonly lagMax: number }) {
    this.#dice = dice
    this.#lagMax = lagMax
    this.#why = `seed ${seed}`
    this.#shards = dice.between(1, 24)
    this.#holdings = [Array.from({ length: this.#shards }, () => free())]
  }

  run(): void {
    this.#join()
    for (let change = this.#dice.between(1, 8); change > 0; change--) {
      this.#change()
      for (let steps = this.#dice.between(0, 6); steps > 0; steps--) this.#step()
    }
    const before = this.#owners()
    const surplus = this.#surplus()
    for (let idle = 0, steps = 0; idle <= this.#lagMax; steps++) {
      assert.ok(steps < 10 * this.#shards + 100, `${this.#why}: it never rests`)
      idle = this.#step() ? 0 : idle + 1
    }
    const moved = this.#owners().filter((owner, at) => before[at] !== undefined && before[at] !== owner)
    const counts = this.#counts()
    assert.ok(
      this.#now.every(({ type }) => type === 'owned'),
      `${this.#why}: a shard is left`,
    )
    assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `${this.#why}: ${counts}`)
    if (this.#lagMax === 0) assert.is(moved.length, surplus, `${this.#why}: more moves than are needed`)
  }

  get #now(): readonly Holding[] {
    return this.#holdings.at(-1) as readonly Holding[]
  }

  #become(holdings: readonly Holding[]): void {
    this.#holdings = [...this.#holdings, holdings].slice(-1 - this.#lagMax)
  }

  #join(): void {
    this.#candidates.push({ id: `n${this.#joined++}`, isLeaving: false })
  }

  #change(): void {
    const leaver = this.#dice.pick(this.#candidates)
    const others = this.#candidates.filter((each) => each !== leaver)
    if (others.every(({ isLeaving }) => isLeaving) || this.#dice.hits(0.5)) return this.#join()
    this.#candidates = others
    if (this.#dice.hits(0.5)) this.#candidates.push({ id: leaver.id, isLeaving: true })
    else this.#become(this.#now.map((each) => (ownerOf(each) === leaver.id ? free(leaver.id) : each)))
  }

  /** One node does one thing that it takes for its part; what is no longer so Redis refuses. False where it has none. */
  #step(): boolean {
    const { takes, moves } = planPlacement(
      this.#dice.shuffled(this.#candidates),
      this.#dice.pick(this.#holdings),
    )
    const deeds = [...[...takes].map(([shard, to]) => ({ shard, from: undefined, to })), ...moves]
    const deed = deeds.length === 0 ? undefined : this.#dice.pick(deeds)
    const holdings = [...this.#now]
    const isStillSo = deed !== undefined && ownerOf(holdings[deed.shard] as Holding) === deed.from
    if (isStillSo) holdings[deed.shard] = owned(deed.to)
    this.#become(holdings)
    return isStillSo
  }

  #owners(): (NodeId | undefined)[] {
    return this.#now.map(ownerOf)
  }

  #counts(): number[] {
    const members = this.#candidates.filter(({ isLeaving }) => !isLeaving)
    return members.map(({ id }) => this.#owners().filter((owner) => owner === id).length)
  }

  /** How many shards are where they cannot stay. */
  #surplus(): number {
    const { shares } = planPlacement(this.#candidates, this.#now)
    return this.#candidates
      .map(({ id }) => this.#owners().filter((owner) => owner === id).length - (shares.get(id) ?? 0))
      .reduce((sum, above) => sum + Math.max(0, above), 0)
  }
}

function ownerOf(holding: Holding): NodeId | undefined {
  return holding.type === 'owned' ? holding.owner : undefined
}

placement.run()
