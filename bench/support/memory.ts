/** What is really in use: V8's heap and what hangs on it, after everything that can go has gone. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

// A context made after the flag has `gc`; the one that runs already does not get it any more.
setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/** Twice: what the first run frees may have held something else. */
export function collectGarbage(): void {
  gc()
  gc()
}

/** Bytes in use by this thread: objects, and the arrays outside of the heap. */
export function bytesInUse(): number {
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
