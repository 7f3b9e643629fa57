/** `kill -9` around the tables' checkpoints, over and over on one file; what was acknowledged is there after each. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import * as assert from 'uvu/assert'
import { firstDamagedRow } from '../../src/persistence/tables/seals/walk-rows.ts'
import { randomFrom } from './load-client.ts'

export type CheckpointKills = {
  readonly rounds: number
  readonly seed: number
  readonly onRound?: (soFar: CheckpointReport) => void
}

export type CheckpointReport = {
  readonly rounds: number
  readonly acknowledged: number
  /** Kills after a checkpoint was said to begin, and before it was said to be over. */
  readonly amid: number
}

const WRITER = join(import.meta.dirname, 'checkpoint-writer.ts')
/** Of the kills, as many come when a checkpoint has just begun; the others at any moment. */
const amidShare = 0.7
const amidMsMax = 4
const anyMsMax = 250

export async function checkpointKills({ rounds, seed, onRound }: CheckpointKills): Promise<CheckpointReport> {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-checkpoints-'))
  const path = join(directory, 'tables.sqlite')
  const random = randomFrom(seed)
  const acknowledged = new Map<string, number>()
  let amid = 0
  try {
    for (let round = 1; round <= rounds; round++) {
      const before = acknowledged.size
      const said = await killed(path, round, random)
      for (const [, id = '', price] of said.matchAll(/^acknowledged (\S+) (\d+)$/gm)) {
        acknowledged.set(id, Number(price))
      }
      assert.ok(acknowledged.size > before, `round ${round} went on where the one before was killed`)
      if (said.lastIndexOf('checkpoint\n') > said.lastIndexOf('checkpointed\n')) amid += 1
      expectAll(path, acknowledged, `seed ${seed}, round ${round}`)
      onRound?.({ rounds: round, acknowledged: acknowledged.size, amid })
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  return { rounds, acknowledged: acknowledged.size, amid }
}

/** What it said until it was killed. */
function killed(path: string, round: number, random: () => number): Promise<string> {
  const isAmid = random() < amidShare
  const delayMs = random() * (isAmid ? amidMsMax : anyMsMax)
  const starts = isAmid ? /^checkpoint$/m : /^acknowledged/m
  const writer = spawn(process.execPath, [WRITER, path, String(round)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return new Promise((resolve, reject) => {
    let said = ''
    let isDoomed = false
    writer.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (isDoomed || !starts.test(said)) return
      isDoomed = true
      setTimeout(() => writer.kill('SIGKILL'), delayMs)
    })
    writer.once('error', reject)
    writer.once('close', (code) => {
      if (isDoomed) resolve(said)
      else reject(new Error(`the writer ended by itself, with status ${code}`))
    })
  })
}

/** As whoever opens the file next finds it. Seals are looked at too: a page that was half written would be seen. */
function expectAll(path: string, acknowledged: ReadonlyMap<string, number>, when: string): void {
  const database = new Database(path)
  assert.equal(database.pragma('integrity_check'), [{ integrity_check: 'ok' }], when)
  assert.is(firstDamagedRow(database), undefined, when)
  const price = database.prepare<[string], number>('SELECT price_minor FROM products WHERE id = ?').pluck()
  for (const [id, written] of acknowledged) assert.is(price.get(id), written, `${when}: ${id}`)
  database.close()
}
