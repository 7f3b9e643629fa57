/** The consumers of docs/events.md, taken from there and run, and what their effects must add up to. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import * as assert from 'uvu/assert'
import type { CloudEvent } from '../../src/events/cloud-event.ts'
import { Dice } from '../support/dice.ts'

const ROOT = join(import.meta.dirname, '../..')
/** Within the project, where its packages are found; nothing of it is kept. */
const PLACE = join(ROOT, 'test/results')
const products = ['phone', 'lamp', 'chair', 'radio']

export class Recipe {
  readonly directory: string
  readonly #arguments: readonly string[]
  readonly #name: string
  #child: ChildProcess | undefined
  #said = ''
  kills = 0

  /** `name` of the file in the documentation; `given` are its arguments, before the path of its database. */
  constructor(name: string, given: readonly string[]) {
    mkdirSync(PLACE, { recursive: true })
    this.directory = mkdtempSync(join(PLACE, 'recipe-'))
    const text = readFileSync(join(ROOT, 'docs/events.md'), 'utf8')
    for (const [, file = '', code = ''] of text.matchAll(/```ts\n\/\/ ([a-z-]+\.ts)\n([\s\S]*?)```/g))
      writeFileSync(join(this.directory, file), code)
    this.#name = name
    this.#arguments = given
    this.start()
  }

  start(): void {
    const program = join(this.directory, this.#name)
    const child = spawn(process.execPath, [program, ...this.#arguments, this.#path], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#said = (this.#said + text).slice(-4_000)
      })
    this.#child = child
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    this.#expectRunning()
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
    this.#child = undefined
    this.kills += 1
  }

  /** How many events it has handled. */
  get handled(): number {
    this.#expectRunning()
    return this.#ask(
      (database) => database.prepare<[], { n: number }>('SELECT count(*) AS n FROM handled').get()?.n ?? 0,
    )
  }

  /** Units sold of each product, as it has counted them. */
  get sold(): Readonly<Record<string, number>> {
    const rows = this.#ask((database) =>
      database.prepare<[], { product: string; units: number }>('SELECT product, units FROM sold').all(),
    )
    return Object.fromEntries(rows.map(({ product, units }) => [product, units]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child?.kill('SIGKILL')
    rmSync(this.directory, { recursive: true, force: true })
  }

  #expectRunning(): void {
    if (this.#child !== undefined && this.#child.exitCode !== null)
      throw new Error(`the recipe ended by itself: ${this.#said}`)
  }

  get #path(): string {
    return join(this.directory, 'effects.sqlite')
  }

  #ask<T>(question: (database: Database.Database) => T): T {
    const database = new Database(this.#path, { readonly: true })
    try {
      return question(database)
    } finally {
      database.close()
    }
  }
}

/** Sales, a third of them told again, right behind or long after. */
export function salesOf(
  count: number,
  seed: number,
): { readonly told: CloudEvent[]; readonly once: CloudEvent[] } {
  const dice = new Dice(seed)
  const sales = Array.from({ length: count }, (_, i) => sale(i + 1, dice))
  const told = sales.flatMap((event) => (dice.hits(0.2) ? [event, event] : [event]))
  for (const event of sales) if (dice.hits(0.15)) told.splice(dice.between(0, told.length - 1), 0, event)
  return { told, once: sales }
}

export function soldIn(events: readonly CloudEvent[]): Readonly<Record<string, number>> {
  const sold: Record<string, number> = {}
  for (const { data } of events)
    sold[String(data.productId)] = (sold[String(data.productId)] ?? 0) + Number(data.quantity)
  return sold
}

export function assertOnce(recipe: Recipe, events: readonly CloudEvent[]): void {
  assert.is(recipe.handled, events.length)
  assert.equal(recipe.sold, soldIn(events))
}

/** Whether so many are; none while it has not made its file yet. */
export function hasHandled(recipe: Recipe, due: number): boolean {
  try {
    return recipe.handled >= due
  } catch (error) {
    // It has not made its file yet.
    if (error instanceof Error && 'code' in error && /^SQLITE_(CANTOPEN|ERROR|BUSY)/.test(String(error.code)))
      return false
    throw error
  }
}

function sale(number: number, dice: Dice): CloudEvent {
  const productId = dice.pick(products)
  return {
    specversion: '1.0',
    id: `s0.${number}.1`,
    source: '/shop/shards/0',
    type: 'holdfast.reservation.confirmed.v1',
    subject: productId,
    time: '2026-11-27T08:00:00.000Z',
    datacontenttype: 'application/json',
    sequence: String(number).padStart(16, '0'),
    partitionkey: productId,
    data: { productId, version: number, reservationId: `res_${number}`, quantity: dice.between(1, 3) },
  }
}
