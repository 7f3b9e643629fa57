/**
 * What one thread of a node and its relay say to each other, so that the thread can ask the same thread of another node, and
 * answer it. Whoever is in between knows nothing of what is asked.
 */

export type NodeReply =
  | { readonly type: 'answer'; readonly answer: unknown }
  /** None has come, and none will. */
  | { readonly type: 'none'; readonly why: 'unreachable' | 'overloaded' | 'too-long' }

/** To the relay. */
export type ToNodes =
  | { readonly type: 'ask'; readonly call: number; readonly nodeId: string; readonly question: unknown }
  /** To what another node has asked. */
  | { readonly type: 'reply'; readonly call: number; readonly answer: unknown }

/** From the relay. */
export type FromNodes =
  /** By another node. Its calls are numbered by the relay. */
  | { readonly type: 'asked'; readonly call: number; readonly question: unknown }
  | { readonly type: 'replied'; readonly call: number; readonly reply: NodeReply }
