/**
 * Flips a bit in the memory of one worker of a server, once in the process's life: to be imported ahead of everything else, as every
 * thread of a process does that is given it. Whoever reads `flippedProduct` for the first time finds one unit sold after.
 */
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads'
import { Shard } from '../../src/actors/shard.ts'

export const flippedProduct = 'product-flipped'

const FLIPPED = 'test.memory-flip'

// What the main thread leaves here, every thread of its finds, and the memory is the same.
if (isMainThread) setEnvironmentData(FLIPPED, new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
else flipOnce(new Int32Array(getEnvironmentData(FLIPPED) as unknown as SharedArrayBuffer))

function flipOnce(flips: Int32Array): void {
  const { answer } = Shard.prototype
  Shard.prototype.answer = function answerAndFlip(this: Shard, request) {
    const reply = answer.call(this, request)
    if (request.type === 'readStock' && request.productId === flippedProduct) {
      const stock = this.state.products.get(request.productId)
      if (stock !== undefined && Atomics.add(flips, 0, 1) === 0) stock.sold ^= 1
    }
    return reply
  }
}
