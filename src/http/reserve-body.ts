/**
 * Reads the body of `POST /v1/reservations`.
 *
 * zod needs some 900 ns for it, of about 18 µs that a bare echo takes in all. So the shape nearly all requests have is
 * recognised by hand; whatever is unusual or wrong goes to the schema, which alone refuses. Where the hand accepts, the
 * schema does and yields the same value: a property test holds them together.
 */
import { linesMax, quantityMax, referenceLengthMax } from '../domain/bounds.ts'
import { isCustomerId, isProductId } from '../domain/ids.ts'
import { type JsonBody, parseBody, readJson } from './body.ts'
import type { Call } from './route.ts'
import { isPlainText, type ReserveBody, reserveBody, ttlSecondsMax, ttlSecondsMin } from './schemas.ts'

/** Throws 400, 413 or 415. */
export function readReserveBody(call: Call): Promise<ReserveBody> {
  return readJson(call).then((body) => (isUsual(body) ? body.value : parseBody(body, reserveBody)))
}

type Usual = JsonBody & { readonly value: ReserveBody }

/** Whether the schema accepts the body as it is. False decides nothing. */
export function isUsual(body: JsonBody): body is Usual {
  const { value } = body
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  let members = 0
  for (const [name, member] of Object.entries(value)) {
    members += 1
    const is: number = membersIn(name, member)
    if (is === -1) return false
    members += is
  }
  return members === body.members && 'items' in value
}

/** Members within this member, or −1 where it is not as usual. */
function membersIn(name: string, member: unknown): number {
  switch (name) {
    case 'items':
      return Array.isArray(member) ? membersInLines(member) : -1
    case 'customerId':
      return typeof member === 'string' && isCustomerId(member) ? 0 : -1
    case 'reference':
      return typeof member === 'string' && isReference(member) ? 0 : -1
    case 'ttlSeconds':
      return isWithin(member, ttlSecondsMin, ttlSecondsMax) ? 0 : -1
    case 'allowPartial':
      return typeof member === 'boolean' ? 0 : -1
    default:
      return -1
  }
}

function membersInLines(lines: readonly unknown[]): number {
  if (lines.length === 0 || lines.length > linesMax) return -1
  for (const line of lines) {
    if (typeof line !== 'object' || line === null) return -1
    if (!('productId' in line) || typeof line.productId !== 'string' || !isProductId(line.productId))
      return -1
    if (!('quantity' in line) || !isWithin(line.quantity, 1, quantityMax)) return -1
    if (Object.keys(line).length !== 2) return -1
  }
  return 2 * lines.length
}

function isReference(text: string): boolean {
  return text.length > 0 && text.length <= referenceLengthMax && isPlainText(text)
}

function isWithin(value: unknown, least: number, most: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
}
