/**
 * Flips a bit in the memory of the first worker of a server, once: to be imported ahead of everything else, as every
 * thread of a process does that is given it. Whoever reads `flippedProduct` for the first time finds one unit sold after.
 */
import { workerData } from 'node:worker_threads'
import { Shard } from '../../src/actors/shard.ts'

export const flippedProduct = 'product-flipped'

const FIRST_EPOCH = 1

if (workerData?.settings?.stream.epoch === FIRST_EPOCH) flipOnce()

function flipOnce(): void {
  let isDue = true
  const { answer } = Shard.prototype
  Shard.prototype.answer = function answerAndFlip(this: Shard, request) {
    const reply = answer.call(this, request)
    if (isDue && request.type === 'readStock' && request.productId === flippedProduct) {
      isDue = false
      const stock = this.state.products.get(request.productId)
      if (stock !== undefined) stock.sold ^= 1
    }
    return reply
  }
}
