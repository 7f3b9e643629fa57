/** What listeners, main and the passwords' threads say to each other. */

export type PasswordJob =
  /** `salt` was drawn by chance. */
  | { readonly type: 'hash'; readonly password: string; readonly salt: Uint8Array }
  | { readonly type: 'check'; readonly password: string; readonly hash: string }

export type PasswordOutcome =
  | { readonly type: 'hashed'; readonly hash: string }
  | { readonly type: 'checked'; readonly isRight: boolean }
  /** Nothing was done: too many wait, or the thread has ended. */
  | { readonly type: 'refused'; readonly why: string }

/** From a listener to main. */
export type ToPasswords = { readonly call: number; readonly job: PasswordJob }
export type FromPasswords = { readonly call: number; readonly outcome: PasswordOutcome }

/** Between main and a thread, which does one thing at a time: no number is needed. */
export type ToPasswordThread = PasswordJob
export type FromPasswordThread = { readonly type: 'ready' } | PasswordOutcome
