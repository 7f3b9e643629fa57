/** Reads the query of a URL as strictly as a body: what is not known, or given twice, is refused. */
import type { z } from 'zod'
import { fieldErrorsOf } from './body.ts'
import { invalid } from './problems.ts'
import { type Call, targetOf } from './route.ts'

const NAME_LENGTH_MAX = 64

/** The query as the schema reads it. Throws 400. */
export function queryOf<Schema extends z.ZodObject>(call: Call, schema: Schema): z.output<Schema> {
  const target = targetOf(call.context)
  const from = target.indexOf('?')
  const given = from === -1 ? [] : [...new URLSearchParams(target.slice(from))]
  const values = new Map(given)
  if (values.size < given.length) {
    const repeated = given.find(([name], i) => given.findIndex(([other]) => other === name) !== i)
    throw invalid({ path: (repeated?.[0] ?? '').slice(0, NAME_LENGTH_MAX), message: 'is given twice' })
  }
  const parsed = schema.safeParse(Object.fromEntries(values))
  if (!parsed.success) throw invalid(...fieldErrorsOf(parsed.error))
  return parsed.data
}

const PAGE_DEFAULT = 50

/** How many entries a page is asked for. Throws 400. */
export function limitOf(limit: string | undefined, max: number): number {
  if (limit === undefined) return PAGE_DEFAULT
  const count = /^\d{1,4}$/.test(limit) ? Number(limit) : 0
  if (count >= 1 && count <= max) return count
  throw invalid({ path: 'limit', message: `must be a whole number from 1 to ${max}` })
}
