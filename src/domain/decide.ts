/**
 * The rules. `decide` answers one command from a shard's state; `evolve` alone changes that state.
 *
 * R1  Nothing here compares now with a hold's expiry: a hold lives until its end is journaled, and a confirm that comes
 *     first wins. Sale windows are compared.
 * R2  Counters are never clamped or repaired: what does not fit is refused (RIVALS.md, "Rules the evidence dictates").
 *     What is available is reckoned and never below 0: right after units are written off, more may be earmarked for a
 *     waiting line than there are, until the same command's next event takes these back.
 * R3  Each event carries its product's next version.
 */
import { unreachable } from './assert.ts'
import type { Command } from './commands.ts'
import { decideForProduct } from './decide-product.ts'
import { decideForReservation } from './decide-reservation.ts'
import { decideBetweenShards, decideForSplit } from './decide-split.ts'
import { type Decision, refused } from './decision.ts'
import type { ShardView } from './stock.ts'
import { decideJoin, decideLeave } from './waitlist.ts'

/** Answers one command from the state of its shard. Pure: reads no clock, changes nothing. */
export function decide(shard: ShardView, command: Command, nowMs: number): Decision {
  switch (command.type) {
    case 'reserve':
      if (shard.reservations.get(command.reservationId) !== undefined) {
        return refused({ reason: 'reservationExists' })
      }
      return decideForProduct(shard.products.get(command.productId), command, nowMs)
    case 'adjust':
    case 'scheduleSale':
    case 'retire':
      return decideForProduct(shard.products.get(command.productId), command, nowMs)
    case 'extend':
    case 'startPayment':
    case 'release':
    case 'confirm':
    case 'return':
    case 'expire':
    case 'closeReturns':
    case 'forget': {
      const { reservationId } = command
      const reservation = shard.reservations.get(reservationId)
      if (reservation !== undefined) return decideForReservation(reservation, command, nowMs)
      const split = shard.splits.get(reservationId)
      if (split === undefined) return refused({ reason: 'unknownReservation' })
      return decideForSplit(shard, split, command, nowMs)
    }
    case 'holdLines':
    case 'reserveSplit':
    case 'askOutcome':
    case 'settle':
    case 'acknowledge':
      return decideBetweenShards(shard, command, nowMs)
    case 'joinWaitlist':
    case 'leaveWaitlist': {
      const { productId } = command
      const stock = shard.products.get(productId)
      if (stock === undefined) return refused({ reason: 'unknownProduct', productId })
      if (command.type === 'leaveWaitlist') return decideLeave(stock, command, nowMs)
      // Heard again after the line had served it, it would one day make a reservation that is there already.
      if (shard.reservations.get(command.reservationId) !== undefined) {
        return refused({ reason: 'reservationExists' })
      }
      return decideJoin(stock, command, nowMs)
    }
    default:
      return unreachable(command)
  }
}
