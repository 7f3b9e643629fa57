/** How much room a command may need in the journal, and which commands may use what is kept for them there. */
import type { Command } from '../domain/commands.ts'
import type { ShardView } from '../domain/stock.ts'
import { eventBytesMax, lineBytesMax } from '../limits.ts'

/** Requests that give units back or sell them: there is room for these when there is none for new holds. */
const SETTLEMENTS: ReadonlySet<Command['type']> = new Set([
  'confirm',
  'release',
  'return',
  'expire',
  'settle',
  'acknowledge',
  'askOutcome',
  'leaveWaitlist',
])

/** Whether a command may be decided where there is this much room for what it writes. */
export function mayUse(room: 'all' | 'settlements' | 'none', command: Command): boolean {
  return room === 'all' || (room === 'settlements' && SETTLEMENTS.has(command.type))
}

/** Bytes of everything it may write, at most. */
export function writtenBytesMax(command: Command, { splits }: Pick<ShardView, 'splits'>): number {
  let lines = 0
  if ('lines' in command) lines = command.lines.length
  else if ('reservationId' in command && command.type !== 'reserve') {
    lines = splits.get(command.reservationId)?.lines.length ?? 0
  }
  if (command.type === 'reserveSplit') lines += command.heldElsewhere.length
  return eventBytesMax + lines * lineBytesMax
}
