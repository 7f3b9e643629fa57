/** Where the tables are. */
import type { DatabaseTarget } from '../../config/database-target.ts'

export type TablesPlace =
  | { readonly type: 'sqlite'; readonly path: string }
  /** `connections` at a time, of this node. */
  | { readonly type: 'postgresql'; readonly target: DatabaseTarget; readonly connections: number }

export type TablesLog = (level: 'info' | 'warn' | 'error', event: string, detail: object) => void
