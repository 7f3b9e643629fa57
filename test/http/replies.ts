/** Looks into replies. */
import type { Reply } from './fake-parts.ts'

/** The paths of the mistakes that a 400 names. */
export function pathsOf({ body }: Reply): unknown[] {
  const errors = body.errors
  return Array.isArray(errors) ? errors.map((error: { readonly path: unknown }) => error.path) : []
}
