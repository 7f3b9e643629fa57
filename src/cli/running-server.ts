/** The running server that a command asks: where it is, with which key, and what it answers. */
import { existsSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import { loadCallerSettings, loadDataDirectory } from '../config.ts'
import { dataPaths } from '../persistence/directory.ts'
import { realTimers } from '../seams.ts'
import { Unusable } from './exit-codes.ts'

export type Server = { readonly url: string; readonly key: string }

const URL_DEFAULT = 'http://127.0.0.1:3000'
const REQUEST_MS = 65_000

/** By options of the command line, then the environment. Throws `Unusable`. */
export function serverOf(values: { readonly url?: string; readonly data?: string }): Server {
  const given = loadCallerSettings()
  const url = values.url ?? given.url ?? URL_DEFAULT
  if (!URL.canParse(url)) throw new Unusable(`${url} is no URL.`)
  if (given.adminKey !== undefined) return { url, key: given.adminKey }
  const directory = values.data ?? loadDataDirectory()
  const path = directory === undefined ? undefined : dataPaths(directory).adminKey
  if (path === undefined || !existsSync(path))
    throw new Unusable('Set ADMIN_KEY, or name the data directory that keeps one with --data.')
  return { url, key: readFileSync(path, 'utf8').trim() }
}

export type Ask<T> = {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: object
  readonly schema: z.ZodType<T>
}

/** Throws `Unusable` where it does not answer, or refuses. */
export async function ask<T>(server: Server, { method, path, body, schema }: Ask<T>): Promise<T> {
  const limit = new AbortController()
  const late = realTimers.after(REQUEST_MS, () =>
    limit.abort(new Error(`no answer in ${REQUEST_MS / 1_000} s`)),
  )
  let response: Response
  try {
    response = await fetch(new URL(path, server.url), {
      method,
      headers: {
        authorization: `Bearer ${server.key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      signal: limit.signal,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  } catch (error) {
    throw new Unusable(`${server.url} does not answer: ${error instanceof Error ? error.message : error}`)
  } finally {
    late.cancel()
  }
  const answer: unknown = await response.json().catch(() => undefined)
  const parsed = schema.safeParse(answer)
  if (response.ok && parsed.success) return parsed.data
  const detail = z.object({ detail: z.string() }).safeParse(answer)
  throw new Unusable(
    `${path} answered ${response.status}: ${detail.success ? detail.data.detail : 'nothing that is known'}`,
  )
}
