/** Who may change a journal's files, and while nobody else does. */
import { DirectoryError, lockDirectory } from '../persistence/directory.ts'
import { Unusable } from './exit-codes.ts'
import type { JournalFiles } from './journal-files.ts'

/**
 * Runs while no other command changes files here. Where no engine has the directory, none can start meanwhile; `isLive`
 * says whether one has it. Throws `Unusable` where another command is at work.
 */
export async function withMaintenance<T>(
  files: JournalFiles,
  work: (isLive: boolean) => T | Promise<T>,
): Promise<T> {
  const maintenance = lockOrRefuse(files.root)
  try {
    const directory = lockIfFree(files.root)
    try {
      return await work(directory === undefined)
    } finally {
      directory?.close()
    }
  } finally {
    maintenance.close()
  }
}

function lockOrRefuse(root: string): { close(): void } {
  try {
    return lockDirectory(root, 'maintenance')
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error
    const why = error.code === 'locked' ? `Another archive or repair is at work on ${root}.` : error.message
    throw new Unusable(why, { cause: error })
  }
}

function lockIfFree(root: string): { close(): void } | undefined {
  try {
    return lockDirectory(root, 'lock')
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error
    if (error.code === 'locked') return undefined
    throw new Unusable(error.message, { cause: error })
  }
}
