/** Every figure there is, in the order in which they are measured and printed. Loaded only where it is measured. */
import type { Figure } from './figure.ts'

export const FIGURES: Readonly<Record<string, () => Promise<Figure>>> = {
  spread: async () => (await import('./figures/spread.ts')).spread,
  'hot-product': async () => (await import('./figures/hot-product.ts')).hotProduct,
  'several-products': async () => (await import('./figures/several-products.ts')).severalProducts,
  redis: async () => (await import('./figures/redis.ts')).redis,
  'redis-journal': async () => (await import('./figures/redis-journal.ts')).redisJournal,
  'three-nodes': async () => (await import('./figures/three-nodes.ts')).threeNodes,
  'take-over': async () => (await import('./figures/take-over.ts')).takeOver,
  postgres: async () => (await import('./figures/postgres.ts')).postgres,
  http: async () => (await import('./figures/http.ts')).http,
  'live-reservations': async () => (await import('./figures/live-reservations.ts')).liveReservations,
  replay: async () => (await import('./figures/replay.ts')).replay,
  memory: async () => (await import('./figures/memory.ts')).memory,
  'journal-bytes': async () => (await import('./figures/journal-bytes.ts')).journalBytes,
  overload: async () => (await import('./figures/overload.ts')).overload,
  'overload-http': async () => (await import('./figures/overload-http.ts')).overloadHttp,
  journey: async () => (await import('./figures/journey.ts')).journey,
  search: async () => (await import('./figures/search.ts')).search,
  'search-follow': async () => (await import('./figures/search-follow.ts')).searchFollow,
  'event-relay': async () => (await import('./figures/event-relay.ts')).eventRelay,
  logins: async () => (await import('./figures/logins.ts')).logins,
  restart: async () => (await import('./figures/restart.ts')).restart,
  'flash-sale': async () => (await import('./figures/flash-sale.ts')).flashSale,
}
