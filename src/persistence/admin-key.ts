/**
 * The first administrator's key. A data directory has one from its first start, so that somebody can make all others;
 * a configured one takes its place without being stored, and leaves when the configuration does.
 */
import { chmodSync, readFileSync } from 'node:fs'
import type { Random } from '../seams.ts'
import { DirectoryError, writeFileAtomically } from './directory.ts'
import { base62 } from './tables/api-key.ts'

export type AdminKey = {
  readonly key: string
  /** Where it is stored; absent for a configured one. */
  readonly path: string | undefined
  /** Whether this very call made it, and nobody has seen it yet. */
  readonly made: boolean
}

/** 238 random bits. */
const randomLength = 40
const STORED = /^[\x21-\x7e]{16,256}$/

/** The configured key, else the one stored at `path`, else a new one, stored there so that only the owner can read it. */
export function adminKeyOf(configured: string | undefined, path: string, random: Random): AdminKey {
  if (configured !== undefined) return { key: configured, path: undefined, made: false }
  const stored = readStored(path)
  if (stored !== undefined) return { key: stored, path, made: false }
  const key = `hf_admin_${base62(random, randomLength)}`
  writeFileAtomically(path, `${key}\n`)
  return { key, path, made: true }
}

function readStored(path: string): string | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  const key = text.trim()
  if (!STORED.test(key)) {
    throw new DirectoryError(
      'foreign',
      `${path} should hold the admin key and does not. Restore it, or remove it to have a new one made.`,
    )
  }
  // A backup that was unpacked, or an editor, may have opened it to others.
  chmodSync(path, 0o600)
  return key
}
