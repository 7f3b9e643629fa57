/** How ownership says what happens: an event's name, and what belongs to it. */
export type OwnershipLog = (level: 'info' | 'warn' | 'error', event: string, detail: object) => void
