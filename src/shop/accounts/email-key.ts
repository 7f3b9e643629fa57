/**
 * What makes two e-mail addresses the same account: all but case. What is before the `@` may tell cases apart by RFC 5321,
 * and no provider does; that somebody could take the same address in capitals would be worse.
 */
export function emailKeyOf(email: string): string {
  return email.normalize('NFKC').toLowerCase()
}
