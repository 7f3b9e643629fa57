/**
 * A product's retirement in two places: the catalog says that it is not sold any more, and the engine refuses to reserve
 * it. The catalog comes first, as only it can refuse (a condition that does not hold); what was retired there and not in
 * the engine, because something broke off between the two, is retired there by the next try, and by whoever looks at the
 * product next. Both ways lead to the same end, since neither retirement can be taken back.
 */
import type { ReplyTo, Request } from '../../actors/requests.ts'
import type { ProductId } from '../../domain/ids.ts'

export type StockKeeper = {
  execute<R extends Request>(request: R): Promise<ReplyTo<R>>
}

/** Retires it in the engine, once or again. A product that never had stock gets an empty one, so that none can come later. */
export async function retireInEngine(engine: StockKeeper, productId: ProductId): Promise<void> {
  const retired = await engine.execute({ type: 'retire', productId })
  if (retired.type !== 'refused') return
  // Where somebody makes stock in between, this is refused, and that stock is what is retired.
  await engine.execute({
    type: 'adjust',
    productId,
    change: { set: 0, expectedVersion: 0 },
    reason: 'retired',
    reference: undefined,
  })
  await engine.execute({ type: 'retire', productId })
}
