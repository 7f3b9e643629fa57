import { shopJourneys } from '../contract/shop-journeys.ts'
import { PostgresServerProcess } from '../support/postgres-server.ts'

shopJourneys(
  'PostgreSQL',
  async () => {
    const postgres = await PostgresServerProcess.start()
    const environment = { DATABASE_URL: await postgres.newDatabase() }
    return { environment, close: () => postgres.stop() }
  },
  { needs: ['postgres'] },
)
