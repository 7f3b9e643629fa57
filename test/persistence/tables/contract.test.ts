import { tablesContract } from '../../contract/tables.ts'
import { InProcessTables } from '../../support/in-process-tables.ts'

tablesContract('SQLite', (clock) => new InProcessTables(clock))
