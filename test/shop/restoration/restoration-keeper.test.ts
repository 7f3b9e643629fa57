import * as assert from 'uvu/assert'
import { noticeAgainMs, reconcileAgainMs } from '../../../src/limits.ts'
import type { Captured } from '../../../src/shop/payments/gateway.ts'
import { hearGateway } from '../../../src/shop/payments/hear-gateway.ts'
import { RestorationBoard } from '../../../src/shop/restoration/restoration-board.ts'
import { RestorationKeeper } from '../../../src/shop/restoration/restoration-keeper.ts'
import { suite } from '../../support/suite.ts'
import { ANN, PHONE } from '../shop-world.ts'
import { RestoredWorld } from './restored-world.ts'

const SHOP = 'shp_0123456789abcdef0123'

/** A node's desk, as far as it keeps restorations. */
class Keeping {
  readonly board = new RestorationBoard()
  readonly keeper: RestorationKeeper
  readonly #restored: RestoredWorld

  constructor(restored: RestoredWorld, { hasProvider = true }: { readonly hasProvider?: boolean } = {}) {
    this.#restored = restored
    const gateway = hasProvider ? restored.provider : undefined
    const { timers } = restored.world.engine
    this.keeper = new RestorationKeeper({
      ...restored.world.parts(),
      gateway,
      timers: timers.session(),
      clock: timers.clock,
      board: this.board,
      log: restored.log,
    })
  }

  async tick(): Promise<void> {
    await this.#restored.world.wait(this.keeper.tick())
  }

  /** Lets so much time pass before it looks again. */
  async later(ms: number): Promise<void> {
    await this.#restored.world.engine.advance(ms)
    await this.tick()
  }
}

/** A shop that has the id, from a while before now on. */
async function restoredShop(): Promise<RestoredWorld> {
  const restored = await RestoredWorld.start()
  restored.world.database
    .prepare('UPDATE shop SET id = ?, drawn_at_ms = ?')
    .run(SHOP, restored.nowMs - 3_600_000)
  return restored
}

const messages = (restored: RestoredWorld) => restored.logged.map(({ msg }) => msg)

const marked = suite('a node whose tables carry the mark')

marked('shows it, reconciles, and sells', async () => {
  await using restored = await restoredShop()
  await restored.mark()
  const keeping = new Keeping(restored)
  await keeping.tick()
  assert.is(keeping.board.isOpen, false)
  assert.equal(messages(restored), ['restoration.open', 'restoration.lifted'])
})

marked('says how many payments are to be decided about, and asks again now and then', async () => {
  await using restored = await restoredShop()
  const { provider, nowMs } = restored
  const lost = provider.take({ key: 'ord_lost:1', madeAtMs: nowMs })
  await restored.mark()
  const keeping = new Keeping(restored)
  await keeping.tick()
  assert.equal([keeping.board.isOpen, keeping.board.undecided], [true, 1])
  provider.give(lost, 'by hand', 99_999)
  await keeping.later(1_000)
  assert.ok(keeping.board.isOpen, 'not at once')
  await keeping.later(reconcileAgainMs)
  assert.not(keeping.board.isOpen)
})

marked('goes on at once where somebody has decided', async () => {
  await using restored = await restoredShop()
  const { provider, nowMs } = restored
  provider.take({ key: 'ord_lost:1', madeAtMs: nowMs })
  await restored.mark()
  const keeping = new Keeping(restored)
  await keeping.tick()
  await restored.decide('pi_1', 'accept')
  keeping.keeper.wake()
  await keeping.later(1)
  assert.not(keeping.board.isOpen)
})

marked('sells nothing while the provider is away, and asks it again', async () => {
  await using restored = await restoredShop()
  restored.provider.isAway = true
  await restored.mark()
  const keeping = new Keeping(restored)
  await keeping.tick()
  assert.ok(keeping.board.isOpen && messages(restored).includes('restoration.unanswered'))
  restored.provider.isAway = false
  await keeping.later(reconcileAgainMs)
  assert.not(keeping.board.isOpen)
})

marked('waits for somebody’s word where there is no provider', async () => {
  await using restored = await restoredShop()
  const { restorationId } = await restored.mark()
  const keeping = new Keeping(restored, { hasProvider: false })
  await keeping.later(reconcileAgainMs)
  assert.ok(keeping.board.isOpen)
  const lift = { restorationId, by: 'ann', reason: 'cash only' }
  await restored.world.wait(restored.world.tables.write('restorations.lift', lift))
  await keeping.later(1)
  assert.not(keeping.board.isOpen)
})

marked.run()

const unmarked = suite('a node whose tables are older than the provider’s list, and carry no mark')

unmarked('is noticed by a payment of its own that it does not know', async () => {
  await using restored = await restoredShop()
  restored.provider.take({ key: 'ord_lost:1', madeAtMs: restored.nowMs, shopId: SHOP })
  const keeping = new Keeping(restored)
  await keeping.tick()
  assert.ok(keeping.board.isOpen)
  assert.is((await restored.open())?.cause, 'noticed')
  await keeping.later(1)
  assert.is(keeping.board.undecided, 1)
})

unmarked(
  'is not noticed by what others have, what failed, what went back, and what is long ago',
  async () => {
    await using restored = await restoredShop()
    const { provider, nowMs } = restored
    provider.take({ key: 'ord_a:1', madeAtMs: nowMs, shopId: 'shp_another' })
    provider.take({ key: 'ord_b:1', madeAtMs: nowMs })
    const failed = { type: 'failed', reason: 'declined' } as const
    provider.take({ key: 'ord_c:1', madeAtMs: nowMs, shopId: SHOP, outcome: failed })
    provider.take({ key: 'ord_d:1', madeAtMs: nowMs, shopId: SHOP, refundedMinor: 99_999 })
    provider.take({ key: 'ord_e:1', madeAtMs: nowMs - 9 * 3_600_000, shopId: SHOP })
    const keeping = new Keeping(restored)
    await keeping.tick()
    assert.not(keeping.board.isOpen)
  },
)

unmarked('is not noticed by a payment that was under way when the process died', async () => {
  await using restored = await restoredShop()
  const { world, provider, nowMs } = restored
  const { orderId } = await world.order(ANN, { [PHONE]: 1 })
  const begin = {
    orderId,
    method: 'card',
    expiresAtMs: nowMs + 9,
    lookAtMs: nowMs + 9,
    attemptsMax: 20,
  } as const
  await world.wait(world.tables.write('payments.begin', begin))
  provider.take({ key: `${orderId}:1`, madeAtMs: nowMs, shopId: SHOP })
  const keeping = new Keeping(restored)
  await keeping.tick()
  assert.not(keeping.board.isOpen)
})

unmarked('is not noticed again by what somebody has accepted', async () => {
  await using restored = await restoredShop()
  restored.provider.take({ key: 'ord_lost:1', madeAtMs: restored.nowMs, shopId: SHOP })
  const first = new Keeping(restored)
  await first.tick()
  await first.later(1)
  await restored.decide('pi_1', 'accept')
  first.keeper.wake()
  await first.later(1)
  assert.not(first.board.isOpen)
  const next = new Keeping(restored)
  await next.tick()
  assert.not(next.board.isOpen)
})

unmarked(
  'sells on while the provider is away, and is noticed afterwards by what it had not known at its start',
  async () => {
    await using restored = await restoredShop()
    const { world, provider, nowMs } = restored
    provider.take({ key: 'ord_lost:1', madeAtMs: nowMs, shopId: SHOP })
    provider.isAway = true
    const keeping = new Keeping(restored)
    await keeping.tick()
    assert.not(keeping.board.isOpen)
    await keeping.later(9 * noticeAgainMs)
    const { orderId } = await world.order(ANN, { [PHONE]: 1 })
    const late = { expiresAtMs: nowMs + 9, lookAtMs: nowMs + 9, attemptsMax: 20 }
    await world.wait(world.tables.write('payments.begin', { orderId, method: 'card', ...late }))
    provider.isAway = false
    await keeping.later(noticeAgainMs)
    assert.ok(keeping.board.isOpen)
  },
)

unmarked('is looked for once', async () => {
  await using restored = await restoredShop()
  const keeping = new Keeping(restored)
  await keeping.tick()
  restored.provider.take({ key: 'ord_lost:1', madeAtMs: restored.nowMs, shopId: SHOP })
  await keeping.later(9 * noticeAgainMs)
  assert.not(keeping.board.isOpen)
})

unmarked('is noticed by what the provider tells by itself, however late, and by nobody else’s', async () => {
  await using restored = await restoredShop()
  const { world, provider, nowMs } = restored
  const atMs = nowMs - 50 * 3_600_000
  const lost = provider.take({ key: 'ord_lost:1', madeAtMs: atMs, shopId: SHOP })
  const tell = async (shopId: string | undefined) => {
    const made = shopId === undefined ? {} : { made: { shopId, atMs } }
    const event = { kind: 'charge', key: lost.key, outcome: lost.outcome as Captured, ...made } as const
    provider.told = { type: 'event', eventId: `evt_${shopId}`, event }
    const hearing = hearGateway(world.parts(), { raw: new Uint8Array(), headers: new Headers() })
    assert.is((await world.wait(hearing)).type, 'ignored')
    return (await restored.open())?.cause
  }
  const keeping = new Keeping(restored)
  await keeping.tick()
  assert.equal(
    [await tell(undefined), await tell('shp_another'), await tell(SHOP)],
    [undefined, undefined, 'noticed'],
  )
  keeping.keeper.wake()
  await keeping.later(1)
  assert.equal([keeping.board.isOpen, keeping.board.undecided], [true, 1])
  await restored.decide(lost.transactionId, 'accept')
  keeping.keeper.wake()
  await keeping.later(1)
  assert.is(await tell(SHOP), undefined, 'it is known by now')
})

unmarked.run()
