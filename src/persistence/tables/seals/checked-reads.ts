/**
 * Where a statement reads a sealed table it reads the view that checks its rows instead. What it deletes is not checked:
 * nothing is acted upon that is gone, and what is damaged must be possible to be rid of. What it inserts or updates the
 * triggers see to.
 */
import { sealedTables } from './sealed-table.ts'

const SEALED: ReadonlySet<string> = new Set(sealedTables)
const DELETES = /^\s*DELETE\b/
/** Keywords are written in capitals here, so that a small letter behind a table begins its other name. */
const READ = /\b(FROM|JOIN)(\s+)(\w+)\b(\s+(?:AS\s+)?[a-z_]\w*)?/g

export function checkedReads(sql: string): string {
  if (DELETES.test(sql)) return sql
  return sql.replace(
    READ,
    (whole, keyword: string, space: string, table: string, alias: string | undefined) =>
      SEALED.has(table) ? `${keyword}${space}checked_${table}${alias ?? ` AS ${table}`}` : whole,
  )
}
