/** The sandbox with empty books, by a clock that the test moves. */
import { SandboxCourier, type SandboxPost } from '../../../src/shop/payments/sandbox-courier.ts'
import { SandboxGateway } from '../../../src/shop/payments/sandbox-gateway.ts'
import { signatureHeader, signatureOf } from '../../../src/shop/payments/sandbox-signature.ts'
import type { SignedPost, Till } from '../../contract/payment-gateways.ts'
import { InProcessTables } from '../../support/in-process-tables.ts'
import { ManualClock, ManualTimers } from '../../support/manual-time.ts'

export const NOW_MS = Date.parse('2026-11-28T12:00:00.000Z')
export const DELAYS = { shortMs: 3_000, longMs: 900_000 }

const CARD = { expiry: '12/30', cvc: '123' }

export class SandboxTill implements Till {
  readonly timers = new ManualTimers(new ManualClock(NOW_MS))
  readonly tables = new InProcessTables(this.timers.clock)
  readonly gateway = this.reopened()
  readonly troubles: unknown[] = []
  /** What the shop does with what is posted. */
  shop: 'receives' | 'refuses' | 'cannot be reached' = 'receives'
  readonly posted: SandboxPost[] = []
  readonly courier: SandboxCourier
  readonly instruments = {
    approve: { method: 'card', paymentToken: 'tok_visa' },
    decline: card('4000 0000 0000 0002'),
    insufficientFunds: { method: 'card', paymentToken: 'tok_chargeDeclinedInsufficientFunds' },
    expiredCard: card('4000000000000069'),
    nonsense: { method: 'card', paymentToken: 'tok_nonsense' },
    pendingThenSuccess: { method: 'upi', paymentToken: 'success@upi' },
    pendingThenFailure: { method: 'upi', paymentToken: 'failure@upi' },
    timeOutAfterCapture: card('4000000000010035'),
  } as const

  constructor() {
    const { tables, timers } = this
    this.courier = new SandboxCourier({
      tables,
      clock: timers.clock,
      timers: timers.session(),
      delays: DELAYS,
      post: async (post) => {
        this.posted.push(post)
        if (this.shop === 'cannot be reached') throw new Error('ECONNREFUSED')
        return { isReceived: this.shop === 'receives' }
      },
      onTrouble: (error) => void this.troubles.push(error),
    })
  }

  nowMs(): number {
    return this.timers.clock.wallMs()
  }

  reopened(): SandboxGateway {
    return new SandboxGateway({ tables: this.tables, clock: this.timers.clock, delays: DELAYS })
  }

  async later(): Promise<void> {
    this.timers.clock.pass(DELAYS.shortMs)
  }

  captured(key: string): { readonly count: number; readonly remainingMinor: number } {
    const found = this.tables.database
      .prepare<[string], { readonly count: number; readonly remainingMinor: number | null }>(
        `SELECT count(*) AS count, sum(amount_minor - refunded_minor) AS remainingMinor
           FROM sandbox_charges WHERE key = ? AND status = 'succeeded'`,
      )
      .get(key)
    return { count: found?.count ?? 0, remainingMinor: found?.remainingMinor ?? 0 }
  }

  captures(key: string, amountMinor: number): void {
    this.tables.database
      .prepare('UPDATE sandbox_charges SET amount_minor = ? WHERE key = ?')
      .run(amountMinor, key)
  }

  async posts(): Promise<readonly SignedPost[]> {
    const before = this.posted.length
    await this.courier.tick()
    return this.posted.slice(before).map(({ body, headers }) => ({ body, headers: new Headers(headers) }))
  }

  signed(body: string, { secret, atMs }: { readonly secret?: string; readonly atMs?: number }): SignedPost {
    const signature = signatureOf(body, secret ?? this.#secret(), atMs ?? this.nowMs())
    return { body, headers: new Headers({ [signatureHeader]: signature }) }
  }

  async close(): Promise<void> {
    this.courier.stop()
    this.tables.close()
  }

  #secret(): string {
    const found = this.tables.database
      .prepare<[], { readonly secret: string }>('SELECT secret FROM sandbox_secret')
      .get()
    return found?.secret ?? ''
  }
}

export function card(number: string) {
  return { method: 'card', card: { number, ...CARD } } as const
}
