/** The numbers the rules rest on (API.md, "Reservations and stock"). Bounds of resources are in `src/limits.ts`. */

const SECOND_MS = 1_000
const HOUR_MS = 3_600 * SECOND_MS
const DAY_MS = 24 * HOUR_MS

/** Units in one line of a request. */
export const quantityMax = 1_000_000
/** Units of one product, so that sums of counters stay exact integers far below 2^53. */
export const onHandMax = 1_000_000_000
/** Customers who stand in line for one product. */
export const waitlistMax = 10_000
/** Lines of one request; lines of the same product are summed first. */
export const linesMax = 100

export const holdTtlMsMin = 1 * SECOND_MS
export const holdTtlMsMax = 3_600 * SECOND_MS
export const holdTtlMsDefault = 600 * SECOND_MS
/** From its making, how long extensions and payment together can keep a reservation alive. */
export const reservationLifetimeMsMax = 7_200 * SECOND_MS
export const payingMsDefault = 900 * SECOND_MS

/** How long the id of an ended reservation stays known. */
export const endedKnownMs = DAY_MS
/** How long it does at the least, where memory is short. */
export const endedKnownMsMin = HOUR_MS
/** How long units of a confirmed reservation can come back, unless `RETURN_DAYS` says otherwise. */
export const returnWindowDaysDefault = 60
export const dayMs = DAY_MS

/** Characters. */
export const customerIdLengthMax = 128
export const referenceLengthMax = 128
export const reasonLengthMax = 256
