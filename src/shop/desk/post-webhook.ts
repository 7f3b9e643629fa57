/** Posts what the sandbox says to this very server, as a provider would from far away. */
import { realTimers } from '../../seams.ts'
import type { SandboxPost } from '../payments/sandbox-courier.ts'

const timeoutMs = 5_000

export function postTo(url: string): (post: SandboxPost) => Promise<{ readonly isReceived: boolean }> {
  return async ({ body, headers }) => {
    const controller = new AbortController()
    const late = realTimers.after(timeoutMs, () => controller.abort())
    try {
      const reply = await fetch(url, { method: 'POST', body, headers, signal: controller.signal })
      await reply.arrayBuffer()
      return { isReceived: reply.ok }
    } finally {
      late.cancel()
    }
  }
}
