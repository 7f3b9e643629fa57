import { mkdtempSync, rmSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Engine } from '../src/actors/engine.ts'
import { controlChannel, Supervisor } from '../src/actors/supervisor.ts'
import { portOf, realClock, realRandom, realTimers } from '../src/seams.ts'
import type { ProductId, CustomerId } from '../src/domain/ids.ts'

const dir = mkdtempSync(join(process.cwd(), '.bench-'))
mkdirSync(join(dir,'journal')); mkdirSync(join(dir,'snapshots'))
const sup = new Supervisor({ timers: realTimers, log: (l, e, d) => console.log(l, e, JSON.stringify(d)), workers: 1, shards: 8, journalDirectory: join(dir,'journal'), snapshotDirectory: join(dir,'snapshots'), segmentBytes: 32<<20, returnDays: 60, acceptClock: false, crashPoint: undefined, nextEpoch: 1 })
const t0 = performance.now()
await sup.start()
console.log('ready ms', performance.now()-t0, sup.readiness())
const { engineEnd, supervisorEnd } = controlChannel()
const engine = new Engine({ clock: realClock, timers: realTimers, random: realRandom(), control: portOf(engineEnd), portOf, shards: 8, workers: 1 })
sup.attach(supervisorEnd)
await new Promise(r => setTimeout(r, 50))
const products: ProductId[] = []
for (let i = 0; i < 10000; i++) products.push(('p' + String(i).padStart(7,'0')) as ProductId)
await Promise.all(products.map(p => engine.execute({ type: 'adjust', productId: p, change: { set: 1000000, expectedVersion: undefined }, reason: 'x', reference: undefined })))
console.log('stocked')
for (const callers of [64, 4096, 64, 4096]) {
  let n = 0; const end = performance.now() + 4000; const s = performance.now()
  let c = 0
  const lat: number[] = []
  await Promise.all(Array.from({ length: callers }, async (_, k) => {
    while (performance.now() < end) {
      const p = products[(c++ * 7919) % products.length]!
      const r = await engine.execute({ type: 'reserve', reservationId: engine.newReservationId(p), productId: p, customerId: ('c' + c) as CustomerId, quantity: 1, ttlMs: undefined, allowPartial: false, reference: undefined })
      if (r.type !== 'held') throw new Error(JSON.stringify(r))
      n++
    }
  }))
  console.log(callers, 'callers', Math.round(n / (performance.now() - s) * 1000), '/s')
}
const st = await sup.status(1000)
console.log(JSON.stringify(st[0]?.journal), 'bytes/event', (st[0]!.journal.bytes / st[0]!.journal.events).toFixed(1), 'ev/sync', (st[0]!.journal.events / st[0]!.journal.syncs).toFixed(1))
engine.close()
await sup.shutDown()
console.log('closed', performance.now()-t0)
rmSync(dir, { recursive: true })
