/** What there is to say about an event, and to whom, as the tables have it now. */
import type { MailEvent } from '../../persistence/tables/mail/mail-operations.ts'
import type { Tables } from '../../persistence/tables/operations.ts'
import type { LetterFacts } from './letters.ts'

/** Undefined where nobody with an account is concerned: services order for buyers whom only they know. */
export function factsIn(tables: Tables): (event: MailEvent) => Promise<LetterFacts | undefined> {
  return async ({ type, subjectId }) => {
    if (type !== 'user.registered') return undefined
    const user = await tables.read('users.find', { id: subjectId })
    return user === undefined ? undefined : { type: 'account', to: { name: user.name, email: user.email } }
  }
}
