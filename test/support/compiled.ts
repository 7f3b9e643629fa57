/** Where Node keeps what it made of the sources, by their content: a process that finds it there starts in half the time. */
import { join } from 'node:path'

/** For the environment of every process that a test starts, and of the test's own. */
export const compiled: { readonly NODE_COMPILE_CACHE: string } = {
  NODE_COMPILE_CACHE: join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'holdfast-sources'),
}
