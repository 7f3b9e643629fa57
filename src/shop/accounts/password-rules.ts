/**
 * Which passwords are taken (NIST SP 800-63B-4, 3.1.1.2; ASVS 5.0, 6.2): long enough, not known to everybody, and more than
 * what anybody knows of their owner. Nothing about which kinds of characters there must be.
 */
import { passwordLengthMax, passwordLengthMin } from '../../limits/account-limits.ts'
import { commonPasswords } from './common-passwords.ts'

/** Shorter names are in too many words to mean anything. */
const WORD_LENGTH_MIN = 3
/** `abababab` is as long as it is known. */
const DISTINCT_MIN = 3

export type PasswordOwner = { readonly email: string; readonly name: string }

/** The same however it was typed: an accent can be one character or two. */
export function normalPassword(password: string): string {
  return password.normalize('NFKC')
}

/** What is wrong with a new password, to follow its name in a sentence; undefined where nothing is. */
export function faultOfPassword(password: string, owner: PasswordOwner): string | undefined {
  const normal = normalPassword(password)
  const length = [...normal].length
  if (length < passwordLengthMin) return `must have ${passwordLengthMin} characters or more`
  if ([...password].length > passwordLengthMax) return `must have ${passwordLengthMax} characters or fewer`
  const folded = normal.toLowerCase()
  if (isCommon(folded)) return 'is among those that everybody tries first'
  if (lengthBeyond(folded, owner) < passwordLengthMin) return 'is little more than your name or e-mail'
  return undefined
}

function isCommon(folded: string): boolean {
  return commonPasswords.has(folded) || new Set(folded).size < DISTINCT_MIN
}

/** Characters that are left without what is known of the owner. */
function lengthBeyond(folded: string, { email, name }: PasswordOwner): number {
  const local = email.slice(0, email.lastIndexOf('@'))
  const words = [email, name, local, ...name.split(/\s+/)]
    .map((word) => normalPassword(word).toLowerCase())
    .filter((word) => word.length >= WORD_LENGTH_MIN)
  let rest = folded
  for (const word of words) rest = rest.replaceAll(word, '')
  return [...rest].length
}
