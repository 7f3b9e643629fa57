/** Reading a command line that is not the journal's, whose command-line.ts knows more of its own. */
import { Unusable } from './exit-codes.ts'

/** What `parse` makes of it. Throws `Unusable` with the first sentence of Node's `parseArgs`, where it has an option that is none. */
export function usableArguments<T>(parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (error instanceof TypeError) throw new Unusable(`${error.message.split('. ')[0]}. --help says more.`)
    throw error
  }
}
