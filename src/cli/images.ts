/** `npm run images -- verify | prune | copy`: the store of product images as a whole. */
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Config, loadConfig } from '../config.ts'
import { dataPaths } from '../persistence/directory.ts'
import { prepareImages } from '../persistence/images/directory-images.ts'
import { ImageStoreError } from '../persistence/images/image-store.ts'
import { type ImagesPlace, openImages } from '../persistence/images/open-images.ts'
import { TablesBootError } from '../persistence/tables/tables-error.ts'
import { heldTimers, realClock, realRandom } from '../seams.ts'
import { type ExitCode, exitCodes, Unusable } from './exit-codes.ts'
import { namedImages } from './images/named-images.ts'
import { copyImages, pruneImages, verifyImages } from './images/tidy-images.ts'
import { countOf, processTerminal, type Terminal } from './terminal.ts'

const HELP = `npm run images -- verify [--json]
npm run images -- prune [--older-than HOURS] [--yes] [--json]
npm run images -- copy --to bucket | directory [--json]

The environment must be the server's, which may be running. Images are in DATA_DIR/images, or with S3_URL in that bucket.

verify reads every image, compares it with its name, and looks for those that products name. Changes nothing.

prune says which images no product names, retired products included, and with --yes removes them. What was uploaded within
the last day stays: its product may still be being changed.

copy fills the bucket from the directory, or the directory from the bucket; what is there already is not sent again. Copy,
start the servers with or without S3_URL, and copy again what has come meanwhile.

  --older-than HOURS  what was uploaded later stays; 24 unless it is given, 1 at least
  --yes               remove
  --json              one JSON object
  -h, --help          this text

Exit codes
  0   good
  1   images are damaged, or missing
  3   the command line or the environment is wrong, or a store cannot be reached`

const HOUR_MS = 3_600_000
const seams = { clock: realClock, timers: heldTimers, random: realRandom() }

const terminal = processTerminal()
try {
  process.exitCode = await run(process.argv.slice(2), terminal)
} catch (error) {
  const isExpected =
    error instanceof Unusable ||
    error instanceof ImageStoreError ||
    error instanceof TablesBootError ||
    (error instanceof Error && 'syscall' in error)
  if (!isExpected) throw error
  terminal.remark(`images: ${error.message}`)
  process.exitCode = exitCodes.unusable
}

async function run(args: readonly string[], out: Terminal): Promise<ExitCode> {
  const { values, positionals } = readArguments(args)
  if (values.help) {
    out.line(HELP)
    return exitCodes.good
  }
  const [command] = positionals
  if (positionals.length !== 1 || !(command === 'verify' || command === 'prune' || command === 'copy'))
    throw new Unusable('There are verify, prune and copy. --help says more.')
  const olderThanMs = hoursIn(values['older-than']) * HOUR_MS
  if ((values.to !== undefined) !== (command === 'copy'))
    throw new Unusable('copy takes --to bucket or --to directory, and nothing else does.')
  const config = loadConfig()
  if (config === undefined) return exitCodes.unusable
  const say = (report: object, lines: readonly string[]) => {
    if (values.json) out.line(JSON.stringify({ command, ...report }))
    else for (const line of lines) out.line(line)
  }
  if (command === 'copy') return await copy(config, { to: values.to ?? '', say })
  const place: ImagesPlace = config.images.type === 's3' ? config.images : directoryOf(config)
  const store = await openImages(place, seams)
  const readNamed = () => namedImages(tablesOf(config))
  try {
    if (command === 'verify') {
      const found = await verifyImages(store, await readNamed())
      const { images, damaged, missing } = found
      const isGood = damaged.length === 0 && missing.length === 0
      say(found, [
        ...damaged.map((name) => `damaged  ${name}`),
        ...missing.map(({ name, productId }) => `missing  ${name}, which ${productId} names`),
        isGood ? `Good. ${countOf(images, 'image')}, each what its name says.` : 'Upload them again.',
      ])
      return isGood ? exitCodes.good : exitCodes.damaged
    }
    const isDry = !values.yes
    const pruned = await pruneImages(store, { readNamed, clock: realClock, olderThanMs, isDry })
    const { images, orphans, missed } = pruned
    const what = `${countOf(orphans.length, 'image')} of ${images} that no product names`
    say({ ...pruned, isDry }, [
      ...(isDry ? orphans : []),
      ...missed.map(({ name, productId }) => `missing  ${name}, which ${productId} has just come to name`),
      isDry ? `Would remove ${what}; --yes does.` : `Removed ${what}.`,
    ])
    return missed.length === 0 ? exitCodes.good : exitCodes.damaged
  } finally {
    store.close()
  }
}

type Say = (report: object, lines: readonly string[]) => void

async function copy(
  config: Config,
  { to, say }: { readonly to: string; readonly say: Say },
): Promise<ExitCode> {
  if (to !== 'bucket' && to !== 'directory') throw new Unusable('copy takes --to bucket or --to directory.')
  if (config.images.type !== 's3') throw new Unusable('copy needs S3_URL, S3_ACCESS_KEY and S3_SECRET_KEY.')
  const own = directoryOf(config)
  // One that is there may be a running server's, with uploads on their way.
  if (!existsSync(own.path)) prepareImages(own.path)
  const [bucket, directory] = [await openImages(config.images, seams), await openImages(own, seams)]
  try {
    const done = await (to === 'bucket' ? copyImages(directory, bucket) : copyImages(bucket, directory))
    const { images, copied, damaged } = done
    say({ ...done, to }, [
      ...damaged.map((name) => `damaged  ${name}`),
      `Copied ${countOf(copied, 'image')} of ${images}; ${images - copied - damaged.length} were there already.`,
    ])
    return damaged.length === 0 ? exitCodes.good : exitCodes.damaged
  } finally {
    bucket.close()
  }
}

function directoryOf({ dataDirectory }: Config): ImagesPlace & { readonly type: 'directory' } {
  return { type: 'directory', path: dataPaths(dataDirectory).images }
}

function tablesOf({ database, dataDirectory }: Config) {
  return database.type === 'sqlite'
    ? ({ type: 'sqlite', path: dataPaths(dataDirectory).tables } as const)
    : database
}

function readArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        'older-than': { type: 'string', default: '24' },
        to: { type: 'string' },
        yes: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
      allowPositionals: true,
    })
  } catch (error) {
    throw new Unusable(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

function hoursIn(text: string): number {
  if (/^[1-9][0-9]{0,4}$/.test(text)) return Number(text)
  throw new Unusable(`--older-than takes hours, 1 at least, and was given ${JSON.stringify(text)}.`)
}
