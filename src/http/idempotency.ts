/**
 * `Idempotency-Key`: a request that comes again is answered as before, and changes nothing more (DESIGN.md, "Idempotency").
 *
 * What decides a change also keeps its key, in the same frame or transaction: the shard of the product or reservation that
 * the path names, or the tables. Only where a new reservation is decided follows from its products, and so from the body:
 *
 * K1  Such a key has a shard of its own. Where that is not the reservation's home, the key is claimed there first, and only
 *     who holds a claim goes on to the home. So another body finds the key taken, whichever products it names.
 * K2  Whoever comes with the same key and body gets the same claim, and so the same reservation id.
 * K3  A claim that was got is given back once, by who got it, and only where nothing can have come of it.
 * K4  Where the home has given the claim's id up, as after a crash between two steps, nothing can come of it for anybody:
 *     it is taken anew, under another id, or the key would be of no use for as long as the home remembers.
 */
import { type CommandKey, commandKeyOf, shardOfKey } from '../actors/command-key.ts'
import { EngineError } from '../actors/engine-error.ts'
import type { Claimed, FreeKey, Held, Refused, SplitHeldReply } from '../actors/requests.ts'
import { GivenUp } from '../actors/split-coordinator.ts'
import { assert } from '../domain/assert.ts'
import { homeOf, type ReservationId } from '../domain/ids.ts'
import { type TableKey, tableKeyOf } from '../persistence/tables/table-key.ts'
import type { HttpParts } from './parts.ts'
import { Problem } from './problems.ts'
import type { Call } from './route.ts'

type Parts = Pick<HttpParts, 'engine' | 'shards'>

/** Quoted as the IETF's draft has it, or bare as most clients send it. */
const FIELD = /^(?:"[\x21-\x7e]{1,255}"|[\x21\x23-\x7e][\x21-\x7e]{0,254})$/

/** The key in a header field, the same whether it came quoted or bare. Throws 400. */
export function idempotencyKeyIn(field: string): string {
  if (!FIELD.test(field)) {
    throw new Problem('malformed-request', 'Idempotency-Key must be 1 to 255 visible ASCII characters.')
  }
  return field.startsWith('"') ? field.slice(1, -1).replaceAll(/\\(["\\])/g, '$1') : field
}

/** The key of a change that shards decide; `body` is what the schema accepted. Undefined where the request has none. */
export function commandKey(call: Call, body: unknown): CommandKey | undefined {
  const { idempotencyKey } = call
  return idempotencyKey === undefined
    ? undefined
    : commandKeyOf(scopeOf(call), idempotencyKey, canonicalText(body))
}

/** The key of a change to the tables. Undefined where the request has none. */
export function tableKey(call: Call, body: unknown): TableKey | undefined {
  const { idempotencyKey } = call
  return idempotencyKey === undefined
    ? undefined
    : tableKeyOf(scopeOf(call), idempotencyKey, canonicalText(body))
}

/** Whoever signs in or up, which they do with a body that nobody else knows. */
const NOBODY = '-'

/** Caller and concrete route. Ids in the path must have been checked: then no two paths name the same thing. */
function scopeOf({ principal, context }: Call): string {
  const { method, path } = context.req
  assert(!path.includes('\n'), 'no id has a line feed')
  return `${principal?.callerId ?? NOBODY} ${method} ${path}`
}

/** The same text for the same meaning, however it was spaced and its members ordered. */
function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalText(member)}`).join()}}`
}

type Making<R extends Held | SplitHeldReply> = (reservationId: ReservationId) => Promise<R | Refused>
type Made<R extends Held | SplitHeldReply> = (R & { readonly reservationId: ReservationId }) | Refused

/**
 * Makes a reservation, and with a key once. `make` sends the command with the key to the home of what `draw` gives, under
 * the id it is given; it answers as before where the home knows the key.
 */
export async function makeOnce<R extends Held | SplitHeldReply>(
  parts: Parts,
  { key, draw }: { readonly key: CommandKey | undefined; readonly draw: () => ReservationId },
  make: Making<R>,
): Promise<Made<R>> {
  const drawn = draw()
  if (key === undefined || shardOfKey(key, parts.shards) === homeOf(drawn)) {
    return withId(await make(drawn), drawn)
  }
  try {
    return await makeClaimed(parts, { key, drawn }, make)
  } catch (error) {
    if (!(error instanceof GivenUp)) throw error
    return makeClaimed(parts, { key, drawn: draw() }, make)
  }
}

async function makeClaimed<R extends Held | SplitHeldReply>(
  parts: Parts,
  { key, drawn }: { readonly key: CommandKey; readonly drawn: ReservationId },
  make: Making<R>,
): Promise<Made<R>> {
  const shard = shardOfKey(key, parts.shards)
  const claim = await claimed(parts, { key, drawn })
  if (claim.type === 'refused') return claim
  const { reservationId } = claim
  assert(homeOf(reservationId) === homeOf(drawn), 'the same body has the same home')
  const giveBack = (how: Pick<FreeKey, 'isGivenUp'> = {}) => {
    return parts.engine.execute({ type: 'freeKey', shard, key, reservationId, ...how })
  }
  let reply: R | Refused
  try {
    reply = await make(reservationId)
  } catch (error) {
    if (error instanceof GivenUp) await giveBack({ isGivenUp: true }).catch(ignoreEngineError)
    else if (isNothing(error)) await giveBack().catch(ignoreEngineError)
    throw error
  }
  // A reservation that exists under the claim's id is this key's, though its answer is forgotten: the key stays taken.
  if (reply.type === 'refused' && reply.refusal.reason !== 'reservationExists') {
    await giveBack().catch(ignoreEngineError)
  }
  return withId(reply, reservationId)
}

/** Whether the claim was made may be unknown; that nothing was reserved is not. */
async function claimed(
  { engine, shards }: Parts,
  { key, drawn: reservationId }: { readonly key: CommandKey; readonly drawn: ReservationId },
): Promise<Claimed | Refused> {
  try {
    return await engine.execute({ type: 'claimKey', shard: shardOfKey(key, shards), key, reservationId })
  } catch (error) {
    if (isNothing(error)) throw error
    throw new EngineError('shard-unavailable', 'the shard of the key did not answer', { cause: error })
  }
}

function withId<R extends Held | SplitHeldReply>(reply: R | Refused, used: ReservationId) {
  return reply.type === 'refused' ? reply : { ...reply, reservationId: reply.reservationId ?? used }
}

function isNothing(error: unknown): boolean {
  return error instanceof EngineError && error.code !== 'outcome-unknown'
}

function ignoreEngineError(error: unknown): void {
  if (!(error instanceof EngineError)) throw error
}

/** The header fields of a reply to a change, and one more where it is an earlier reply that is given again. */
export function withReplay(
  fields: Readonly<Record<string, string>>,
  { replayed }: { readonly replayed?: true | undefined },
): Readonly<Record<string, string>> {
  return replayed === true ? { ...fields, 'idempotency-replayed': 'true' } : fields
}
