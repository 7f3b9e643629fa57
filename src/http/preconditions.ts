/**
 * Entity tags and the conditions that name them (RFC 9110, 8.8.3 and 13.1). A tag here is `"<version>"` or
 * `"<version>-<digest>"`: the digest is that of the whole representation, and `If-None-Match` of a read compares whole tags;
 * conditions of a change look at the version alone, so that what nobody edited (stock, reviews) fails none of them.
 */
import { Problem } from './problems.ts'
import { type Call, headerOf } from './route.ts'

/** `any` is `*`. */
export type TagList = 'any' | readonly string[]

const TAG = /^(?:W\/)?"[\x21\x23-\x7e\x80-\uffff]*"$/
const VERSION = /^"(\d{1,15})(?:-[\w-]*)?"$/
const FIELD_LENGTH_MAX = 2_000

/** Versions that a change may rest on. Throws 400. */
export function matchedVersions(
  call: Call,
  name: 'if-match' | 'if-none-match',
): 'any' | readonly number[] | undefined {
  const tags = tagsIn(call, name)
  if (tags === undefined || tags === 'any') return tags
  // A weak tag never matches strongly, nor does one that was not made here.
  return tags.flatMap((tag) => {
    const version = VERSION.exec(tag)?.[1]
    return version === undefined ? [] : [Number(version)]
  })
}

/** Whether the reader has this very representation already. Throws 400. */
export function isKnown(call: Call, tag: string): boolean {
  const tags = tagsIn(call, 'if-none-match')
  if (tags === undefined) return false
  return tags === 'any' || tags.some((each) => each.replace(/^W\//, '') === tag)
}

function tagsIn({ context }: Call, name: 'if-match' | 'if-none-match'): TagList | undefined {
  const field = headerOf(context, name)
  if (field === undefined) return undefined
  if (field.trim() === '*') return 'any'
  // No tag that is made here has a comma in it.
  const tags = field.length > FIELD_LENGTH_MAX ? [] : field.split(',').map((tag) => tag.trim())
  if (tags.length > 0 && tags.every((tag) => TAG.test(tag))) return tags
  throw new Problem('malformed-request', `${name} must be * or entity tags, each in double quotes.`)
}
