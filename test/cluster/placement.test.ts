import * as assert from 'uvu/assert'
import { type Candidate, type Holding, type NodeId, planPlacement } from '../../src/cluster/placement.ts'
import type { ShardId } from '../../src/domain/ids.ts'
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

placement(
  'after any joins, ends and leaves it becomes balanced, with the fewest moves, and then rests',
  () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    note(`seed ${seed}`)
    const dice = new Dice(seed)
    for (let round = 0; round < 300; round++) new Trial(dice, seed).run()
  },
)

/** Nodes that see the truth, late: each carries out what it should by a view that may be some steps old. */
class Trial {
  readonly #dice: Dice
  readonly #why: string
  readonly #shards: number
  #candidates: Candidate[] = []
  #holdings: Holding[]
  #joined = 0

  constructor(dice: Dice, seed: number) {
    this.#dice = dice
    this.#why = `seed ${seed}`
    this.#shards = dice.between(1, 24)
    this.#holdings = Array.from({ length: this.#shards }, () => free())
  }

  run(): void {
    this.#join()
    for (let change = this.#dice.between(1, 8); change > 0; change--) {
      this.#change()
      for (let steps = this.#dice.between(0, 6); steps > 0; steps--) this.#step()
    }
    const before = this.#owners()
    const surplus = this.#surplus()
    let moved = 0
    for (let steps = 0; this.#step(); steps++)
      assert.ok(steps < 4 * this.#shards + 10, `${this.#why}: it never rests`)
    for (const [shard, owner] of this.#owners().entries())
      if (before[shard] !== undefined && before[shard] !== owner) moved += 1
    const counts = this.#counts()
    assert.is(
      this.#holdings.filter(({ type }) => type !== 'owned').length,
      0,
      `${this.#why}: a shard is left`,
    )
    assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `${this.#why}: ${counts}`)
    assert.ok(moved <= surplus, `${this.#why}: ${moved} moves where ${surplus} do`)
  }

  #join(): void {
    this.#candidates.push({ id: `n${this.#joined++}`, isLeaving: false })
  }

  #change(): void {
    const leaver = this.#dice.pick(this.#candidates)
    const others = this.#candidates.filter((each) => each !== leaver)
    if (others.filter(({ isLeaving }) => !isLeaving).length === 0 || this.#dice.hits(0.5)) return this.#join()
    this.#candidates = others
    if (this.#dice.hits(0.5)) this.#candidates.push({ id: leaver.id, isLeaving: true })
    else
      this.#holdings = this.#holdings.map((holding) =>
        ownerOf(holding) === leaver.id ? free(leaver.id) : holding,
      )
  }

  /** One node does what it should; false where nobody has anything to do. */
  #step(): boolean {
    const { takes, moves } = planPlacement(this.#dice.shuffled(this.#candidates), this.#holdings)
    const deeds = [...takes].map(([shard, to]) => ({ shard, to }))
    const deed = this.#dice.pick([...deeds, ...moves])
    if (deed === undefined) return false
    this.#holdings[deed.shard] = owned(deed.to)
    return true
  }

  #owners(): (NodeId | undefined)[] {
    return this.#holdings.map(ownerOf)
  }

  #counts(): number[] {
    const members = this.#candidates.filter(({ isLeaving }) => !isLeaving)
    return members.map(({ id }) => this.#owners().filter((owner) => owner === id).length)
  }

  /** How many shards are where they cannot stay. */
  #surplus(): number {
    const { shares } = planPlacement(this.#candidates, this.#holdings)
    return this.#candidates
      .map(({ id }) => this.#owners().filter((owner) => owner === id).length - (shares.get(id) ?? 0))
      .reduce((sum, above) => sum + Math.max(0, above), 0)
  }
}

function ownerOf(holding: Holding): NodeId | undefined {
  return holding.type === 'owned' ? holding.owner : undefined
}

placement.run()
