import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Which threads of a server: its first one, or those that serve shards. */
export type Stalled = 'main' | 'shards'

/** Keeps threads of a process busy with nothing, as a long collection of garbage would, while all its others run on. */
export class ThreadStall {
  readonly #directory = mkdtempSync(join(tmpdir(), 'holdfast-stall-'))
  readonly #order = join(this.#directory, 'order')
  #orders = 0

  constructor() {
    const script = `
      import { readFileSync } from 'node:fs'
      import { isMainThread, workerData } from 'node:worker_threads'
      const name = isMainThread ? 'main' : workerData?.settings?.shards === undefined ? 'other' : 'shards'
      const read = () => {
        try { return readFileSync(${JSON.stringify(this.#order)}, 'utf8') } catch { return '' }
      }
      let done = read()
      if (name !== 'other') setInterval(() => {
        const order = read()
        if (order === done) return
        done = order
        const [, stalled, ms] = order.split(' ')
        const endsAt = performance.now() + (stalled === name ? Number(ms) : 0)
        while (performance.now() < endsAt);
      }, 20).unref()`
    writeFileSync(join(this.#directory, 'stall.mjs'), script)
  }

  /** They begin within some 20 ms. */
  begin(stalled: Stalled, ms: number): void {
    this.#orders += 1
    writeFileSync(this.#order, `${this.#orders} ${stalled} ${ms}`)
  }

  /** For every thread of a process that is given these arguments of Node. */
  get nodeArguments(): readonly string[] {
    return ['--import', join(this.#directory, 'stall.mjs')]
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
