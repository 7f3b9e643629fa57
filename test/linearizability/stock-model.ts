/**
 * One product's stock, one operation at a time: what DESIGN promises, written once more without a look at the rules that
 * the engine runs on. Holds here outlive the history, and each reservation has one line.
 */
import type { Model } from './checker.ts'

/** `tag` names a reservation before anybody knows its id. */
export type StockInput = { readonly productId: string } & (
  | { readonly type: 'read' }
  | { readonly type: 'adjust'; readonly delta: number }
  /** Compare and set. */
  | { readonly type: 'set'; readonly units: number; readonly expectedVersion: number }
  | { readonly type: 'reserve'; readonly quantity: number; readonly tag: number }
  | { readonly type: 'confirm' | 'release' | 'look'; readonly tag: number }
)

type Reservation = { readonly quantity: number; readonly status: 'held' | 'confirmed' | 'released' }

export type StockState = {
  readonly onHand: number
  readonly held: number
  readonly sold: number
  /** 0: there is no such product. */
  readonly version: number
  readonly reservations: ReadonlyMap<number, Reservation>
}

/** What the model and a client call the same answer. */
export const say = {
  stock: ({ onHand, held, sold, version }: Omit<StockState, 'reservations'>) =>
    `version ${version}: ${onHand} on hand, ${held} held, ${sold} sold`,
  held: (available: number) => `held, ${available} left`,
  status: (status: string) => status,
  refused: (code: string, ...details: readonly number[]) => ['refused', code, ...details].join(' '),
} as const

type Applied = ReturnType<Model<StockState, StockInput>['apply']>

export const stockModel: Model<StockState, StockInput> = {
  initial: { onHand: 0, held: 0, sold: 0, version: 0, reservations: new Map() },
  apply(state, input) {
    switch (input.type) {
      case 'read':
        return unchanged(state, state.version === 0 ? say.refused('unknown-product') : say.stock(state))
      case 'adjust':
        if (state.version === 0 && input.delta <= 0) return unchanged(state, say.refused('unknown-product'))
        return adjusted(state, state.onHand + input.delta)
      case 'set':
        if (input.expectedVersion !== state.version)
          return unchanged(state, say.refused('stock-version-mismatch', state.version))
        return adjusted(state, input.units)
      case 'reserve':
        return reserved(state, input)
      case 'look': {
        const found = state.reservations.get(input.tag)
        return unchanged(state, found?.status ?? say.refused('unknown-reservation'))
      }
      case 'confirm':
      case 'release':
        return settled(state, input.tag, input.type === 'confirm' ? 'confirmed' : 'released')
    }
  },
  textOf({ onHand, held, sold, version, reservations }) {
    let text = `${version}/${onHand}/${held}/${sold}`
    // By tag: two orders of the same reservations are one state.
    for (const tag of [...reservations.keys()].sort((a, b) => a - b))
      text += ` ${tag}${reservations.get(tag)?.status[0]}`
    return text
  },
}

function unchanged(state: StockState, output: string): Applied {
  return { state, output }
}

function adjusted(before: StockState, onHand: number): Applied {
  if (onHand < before.held)
    return unchanged(before, say.refused('stock-below-held', before.onHand, before.held))
  const state = { ...before, onHand, version: before.version + 1 }
  return { state, output: say.stock(state) }
}

function reserved(
  before: StockState,
  { quantity, tag }: { readonly quantity: number; readonly tag: number },
): Applied {
  if (before.version === 0) return unchanged(before, say.refused('unknown-product'))
  const available = before.onHand - before.held
  if (quantity > available) return unchanged(before, say.refused('out-of-stock', available))
  const reservations = new Map(before.reservations).set(tag, { quantity, status: 'held' })
  const state = { ...before, held: before.held + quantity, version: before.version + 1, reservations }
  return { state, output: say.held(available - quantity) }
}

function settled(before: StockState, tag: number, status: 'confirmed' | 'released'): Applied {
  const found = before.reservations.get(tag)
  if (found === undefined) return unchanged(before, say.refused('unknown-reservation'))
  if (found.status !== 'held')
    return unchanged(before, `${say.refused('reservation-resolved')} ${found.status}`)
  const { quantity } = found
  const taken = status === 'confirmed' ? quantity : 0
  const state = {
    onHand: before.onHand - taken,
    held: before.held - quantity,
    sold: before.sold + taken,
    version: before.version + 1,
    reservations: new Map(before.reservations).set(tag, { quantity, status }),
  }
  return { state, output: say.status(status) }
}
