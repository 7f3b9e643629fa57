/** Bounds of the forwarding between nodes. */

const KIB = 1_024
const MIB = 1_024 * KIB

/** Bytes of one message between nodes: a full turn's calls of the largest bodies. Who sends more is cut off. */
export const relayFrameBytesMax = 32 * MIB
/** Of the first message, before which nobody knows who it is. */
export const relayHelloBytesMax = KIB
/** Bytes that wait for a node to take them; with more, calls to it are refused before they are sent. */
export const relayWaitingBytesMax = 16 * MIB
/** With more than this of answers waiting, a node does not read, and is cut off. */
export const relayUnreadBytesMax = 128 * MIB
/** A board is not sent on while more than this waits. */
export const relayBoardWaitingBytesMax = MIB
/** Products of a board that are sent in one go: a millisecond's work at either end. */
export const relayBoardProducts = 1_000
/** How often a node asks another whether it lives, and how long it may have heard nothing. */
export const relayPingMs = 450
export const relaySilentMs = 1_900
/** From the first byte until both sides are proven. */
export const relayProofMs = 2_000
/** Connections under way to be proven; with more, the oldest goes. A proof takes some milliseconds. */
export const relayUnprovenMax = 128
/** Other nodes that may be connected. */
export const relayPeersMax = 256
/** Questions of this node's history that a node has not answered, and of other nodes that this one's history has not. */
export const relayQuestionsMax = 1_024
/** How soon a node is dialled again, and how long at most it is left alone. */
export const relayRedialMsMin = 50
export const relayRedialMsMax = 1_000
/** How long the relay's thread has to end. */
export const relayCloseMs = 1_000
