/**
 * The tables' commands: `npm run tables -- verify` looks at all of a data directory's tables, beside a server or without one;
 * `seal` gives a row that somebody has put right its seal.
 */
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import Database from 'better-sqlite3'
import { loadDataDirectory } from '../config.ts'
import { DirectoryError, dataPaths, lockDirectory } from '../persistence/directory.ts'
import { openDatabase } from '../persistence/tables/database.ts'
import { sealRow } from '../persistence/tables/seals/guard-rows.ts'
import { type Damage, scrub } from '../persistence/tables/seals/scrub.ts'
import { readSealedTables } from '../persistence/tables/seals/sealed-table.ts'
import { type ExitCode, exitCodes, Unusable } from './exit-codes.ts'
import { processTerminal, type Terminal } from './terminal.ts'

const HELP = `npm run tables -- verify [--data DIR] [--json]
npm run tables -- seal <table> <row> [--data DIR]

verify looks at every row of the tables that has a seal, and has SQLite check all trees and indexes. Changes nothing, and may
run beside a server.

seal is for a damaged row that you have looked at and put right, with any tool for SQLite, while the server is stopped: from
then on it is taken for what was written. Table and row as verify names them, a row of several parts in quotes.

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
  const [command, table, row] = positionals
  const isWhole = positionals.length === (command === 'seal' ? 3 : 1)
  if ((command !== 'verify' && command !== 'seal') || !isWhole)
    throw new Unusable('There are verify, and seal <table> <row>. --help says more.')
  const directory = values.data ?? loadDataDirectory()
  if (directory === undefined) return exitCodes.unusable
  const path = dataPaths(directory).tables
  if (!existsSync(path))
    throw new Unusable(`There are no tables in ${directory}: no server has started there.`)
  if (command === 'verify') return verify(path, { out, json: values.json })
  seal(directory, { path, name: table ?? '', row: row ?? '' })
  out.line(`Row ${row} of ${table} is taken for what was written.`)
  return exitCodes.good
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

function seal(
  directory: string,
  { path, name, row }: { readonly path: string; readonly name: string; readonly row: string },
): void {
  const lock = lockOrRefuse(directory)
  const database = openDatabase(path)
  try {
    const table = readSealedTables(database).find((each) => each.name === name)
    if (table === undefined) throw new Unusable(`No table ${name} has seals.`)
    if (!sealRow(database, table, row)) throw new Unusable(`Table ${name} has no row ${row}.`)
  } finally {
    database.close()
    lock.close()
  }
}

function lockOrRefuse(directory: string): { close(): void } {
  try {
    return lockDirectory(directory, 'lock')
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error
    throw new Unusable(error.message, { cause: error })
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
    out.line(`Damaged: ${damaged}. Put them right from a backup; seal says that you have.`)
  else out.line(`Good. ${sealed} tables have seals, and all rows are what was written to them.`)
  return damaged > 0 ? exitCodes.damaged : exitCodes.good
}
