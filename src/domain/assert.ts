/** A broken invariant: the program, not the caller, is wrong. Whoever owns state must stop on it and replay. */
export class InvariantBroken extends Error {
  override readonly name = 'InvariantBroken'
}

/** Throws `InvariantBroken` unless the fact holds. One fact an assertion. */
export function assert(fact: boolean, message: string): asserts fact {
  if (!fact) throw new InvariantBroken(message)
}

/** Ends a `switch` over a tagged union: the type checker proves that no case is missing. */
export function unreachable(value: never): never {
  throw new InvariantBroken(`unreachable: ${JSON.stringify(value)}`)
}
