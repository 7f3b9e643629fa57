import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A wall clock that a test can set, in every thread of a process that is given these arguments of Node. */
export class ShiftedClock {
  readonly #directory = mkdtempSync(join(tmpdir(), 'holdfast-clock-'))
  readonly #setting = join(this.#directory, 'setting')

  constructor(shiftMs: number) {
    this.set(shiftMs)
    const script = `
      import { readFileSync } from 'node:fs'
      const real = Date.now
      let setting = '0'
      Date.now = () => {
        // Where it cannot be read, as in a process that may open no file, it is as it was.
        try { setting = readFileSync(${JSON.stringify(this.#setting)}, 'utf8') || setting } catch {}
        const [shift, stopped] = setting.split('=')
        return stopped === undefined ? real() + Number(shift) : Number(stopped)
      }`
    writeFileSync(join(this.#directory, 'clock.mjs'), script)
  }

  /** From now on it is ahead by so much. */
  set(shiftMs: number): void {
    writeFileSync(this.#setting, String(shiftMs))
  }

  /** From now on it says the same time, until it is set. */
  stop(): void {
    writeFileSync(this.#setting, `=${Date.now()}`)
  }

  get nodeArguments(): readonly string[] {
    return ['--import', join(this.#directory, 'clock.mjs')]
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
