/**
 * Loaded ahead of everything else in each process and thread of a test, which `NODE_OPTIONS` sees to: one source file of
 * the engine comes with a bug. Nothing on the disk is changed, so tests of several mutants can run side by side.
 */
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Mutant, plant, ROOT } from './mutant.ts'

const mutant = JSON.parse(process.env.TEST_MUTANT ?? '') as Mutant
const { href } = pathToFileURL(join(ROOT, mutant.file))

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    return url === href ? { ...loaded, source: plant(String(loaded.source), mutant) } : loaded
  },
})
