import * as assert from 'uvu/assert'
import type { Event } from '../../src/domain/events.ts'
import { makesRecord } from '../../src/domain/footprint.ts'

/** Rule F1 of src/domain/footprint.ts, after an event has raised the footprint of its shard by so many bytes. */
export function isAsF1Says(event: Event, grewBytes: number): void {
  if (makesRecord(event)) assert.ok(grewBytes > 0, `F1: ${event.type} made a record for nothing`)
  else if (!isNeverRefused(event)) assert.ok(grewBytes <= 0, `F1: ${event.type} grew ${grewBytes}`)
}

function isNeverRefused(event: Event): boolean {
  if (event.type === 'UnitsConfirmed') return event.reference !== undefined
  return event.type === 'KeyAnswered' || event.type === 'SplitAborted'
}
