import { BytesDamaged } from '../persistence/journal/bytes.ts'

/** What stands in the projection's file is not what was put there; nothing of it is anybody's only copy. */
export class ProjectionDamaged extends Error {
  override readonly name = 'ProjectionDamaged'
}

/** What `read` makes of a packed row. Throws `ProjectionDamaged` where that cannot be read. */
export function unpacked<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof BytesDamaged)) throw error
    throw new ProjectionDamaged(`a row cannot be read: ${error.message}`, { cause: error })
  }
}
