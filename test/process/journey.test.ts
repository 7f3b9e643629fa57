import { shopJourneys } from '../contract/shop-journeys.ts'

shopJourneys('SQLite', () => Promise.resolve({ environment: {}, close: () => Promise.resolve() }))
