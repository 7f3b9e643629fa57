/**
 * Runs queries on one PostgreSQL connection, a round trip for each statement. A statement is prepared on a connection when it
 * first comes there.
 */
import type { ClientBase } from 'pg'
import { assert } from '../../../domain/assert.ts'
import type { Query, Statement, StatementResult } from '../query.ts'
import { lockIn, statementIn } from './dialect.ts'

/** Texts are written in this program, one a place, so more of them means that one is put together from data. */
const statementsMax = 1_024
type Prepared = { readonly name: string; readonly text: string }
const prepared = new Map<string, Prepared>()

/** The query's result. An error of a statement is the query's to catch, and else the caller's. */
export async function runOn<Result>(client: ClientBase, query: Query<Result>): Promise<Result> {
  let step = query.next()
  while (step.done !== true) {
    let result: StatementResult
    try {
      result = await execute(client, step.value)
    } catch (error) {
      step = query.throw(error)
      continue
    }
    step = query.next(result)
  }
  return step.value
}

async function execute(client: ClientBase, { wants, sql, values }: Statement): Promise<StatementResult> {
  const { name, text } = preparedOf(wants === 'alone' ? `alone ${sql}` : sql)
  const { rows, rowCount } = await client.query({ name, text, values: [...values] })
  return wants === 'rows' || wants === 'glance' ? rows : (rowCount ?? 0)
}

function preparedOf(sql: string): Prepared {
  const known = prepared.get(sql)
  if (known !== undefined) return known
  assert(prepared.size < statementsMax, 'no statement is put together from data')
  const text = sql.startsWith('alone ') ? lockIn(sql.slice('alone '.length)) : statementIn(sql)
  const made = { name: `holdfast_${prepared.size}`, text }
  prepared.set(sql, made)
  return made
}
