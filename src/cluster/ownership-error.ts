/** This node must not join: what it is set to contradicts what the others serve. */
export class OwnershipRefused extends Error {
  override readonly name = 'OwnershipRefused'
}
