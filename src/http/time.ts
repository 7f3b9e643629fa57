/** Times on the wire. */

const SECOND_MS = 1_000
/** `.000Z` */
const FRACTION_LENGTH = 5

let secondStartMs = Number.NaN
let upToSecond = ''

/** RFC 3339 in UTC with milliseconds. */
export function timeOf(ms: number): string {
  // Holds made within one second mostly end within one second: what comes before the point is the same for all of them,
  // and working it out anew took as long as parsing the request.
  const fraction = ms - secondStartMs
  if (fraction >= 0 && fraction < SECOND_MS && Number.isInteger(ms)) {
    return `${upToSecond}.${String(fraction).padStart(3, '0')}Z`
  }
  const text = new Date(ms).toISOString()
  secondStartMs = Math.floor(ms / SECOND_MS) * SECOND_MS
  upToSecond = text.slice(0, -FRACTION_LENGTH)
  return text
}
