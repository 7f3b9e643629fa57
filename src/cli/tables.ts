/** The tables' command: `npm run tables -- verify` looks at all of a data directory's tables, beside a server or without one. */
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import Database from 'better-sqlite3'
import { loadDataDirectory } from '../config.ts'
import { dataPaths } from '../persistence/directory.ts'
import { type Damage, scrub } from '../persistence/tables/seals/scrub.ts'
import { readSealedTables } from '../persistence/tables/seals/sealed-table.ts'
import { type ExitCode, exitCodes, Unusable } from './exit-codes.ts'
import { processTerminal, type Terminal } from './terminal.ts'

const HELP = `npm run tables -- verify [--data DIR] [--json]

Looks at every row of the tables that has a seal, and has SQLite check all trees and indexes. Changes nothing, and may run
beside a server.

  --data DIR   the data directory; without it DATA_DIR, else ./data
  --json       one JSON object a line for each damage, and one for the end
  -h, --help   this text

Exit codes
  0   good
  1   damaged: rows that are not what was written, or a file that SQLite cannot read
  3   the command line is wrong, or there are no tables`
const stepRows = 10_000

const terminal = processTerminal()
try {
  process.exitCode = run(process.argv.slice(2), terminal)
} catch (error) {
  if (!(error instanceof Unusable)) throw error
  terminal.remark(`tables: ${error.message}`)
  process.exitCode = exitCodes.unusable
}

function run(args: readonly string[], out: Terminal): ExitCode {
  const { values, positionals } = readArguments(args)
  if (values.help) {
    out.line(HELP)
    return exitCodes.good
  }
  if (positionals.length !== 1 || positionals[0] !== 'verify')
    throw new Unusable('There is one command: verify. --help says more.')
  const directory = values.data ?? loadDataDirectory()
  if (directory === undefined) return exitCodes.unusable
  const path = dataPaths(directory).tables
  if (!existsSync(path))
    throw new Unusable(`There are no tables in ${directory}: no server has started there.`)
  return verify(path, { out, json: values.json })
}

function readArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        data: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
      allowPositionals: true,
    })
  } catch (error) {
    throw new Unusable(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

function verify(path: string, { out, json }: { readonly out: Terminal; readonly json: boolean }): ExitCode {
  const tell = (damage: Damage) => {
    const { table, key, why } = damage
    if (json) out.line(JSON.stringify(damage))
    else out.line(key === undefined ? `${table}: ${why}` : `${table}: row ${key}: ${why}`)
  }
  let damaged = 0
  let sealed = 0
  try {
    const database = new Database(path, { readonly: true, fileMustExist: true })
    sealed = readSealedTables(database).length
    for (const found of scrub(database, { stepRows, wholeRowsMax: Number.MAX_SAFE_INTEGER - 1 })) {
      damaged += found.length
      for (const damage of found) tell(damage)
    }
    database.close()
  } catch (error) {
    if (!(error instanceof Database.SqliteError)) throw error
    damaged += 1
    tell({ table: path, key: undefined, why: error.message })
  }
  if (json) out.line(JSON.stringify({ damaged, sealed }))
  else if (damaged > 0)
    out.line(`Damaged: ${damaged}. Restore them from a backup, or delete what is not needed.`)
  else out.line(`Good. ${sealed} tables have seals, and all rows are what was written to them.`)
  return damaged > 0 ? exitCodes.damaged : exitCodes.good
}
