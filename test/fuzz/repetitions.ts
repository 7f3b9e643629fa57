/** What `Idempotency-Key` promises of a request that is sent twice, whether after or beside the first. */
import type { Sent } from './world.ts'

/** Lists tell a position too. */
const READS: ReadonlySet<string> = new Set(['GET', 'HEAD'])

/**
 * All that is wrong, in sentences. Says nothing of requests without a key, of those that did not succeed, and of replies of
 * the moment, such as that a payment is under way.
 */
export function repetitionFaults(first: Sent, second: Sent): readonly string[] {
  const hasKey = first.request.headers.some(([name]) => name === 'idempotency-key')
  if (!hasKey || !isKept(first) || !isKept(second)) return []
  const faults: string[] = []
  if (second.reply.status !== first.reply.status || second.reply.text !== first.reply.text)
    faults.push(`sent again it is answered ${second.reply.status} ${second.reply.text}`)
  if (!isReplay(first) && !isReplay(second)) faults.push('it was done twice under one key')
  return faults
}

/** Whether the reply is one that is given again. Nothing else says that a request changed something. */
function isKept(sent: Sent): boolean {
  return hasSucceeded(sent) && sent.reply.headers.has('holdfast-position') && !READS.has(sent.request.method)
}

function hasSucceeded({ reply }: Sent): boolean {
  return reply.status >= 200 && reply.status < 300
}

function isReplay({ reply }: Sent): boolean {
  return reply.headers.get('idempotency-replayed') === 'true'
}
