/**
 * How two nodes prove to each other that both know the cluster's secret: TLS 1.3 with a key made of it (RFC 8446, PSK with
 * an ephemeral exchange). The secret never travels, both sides contribute what is fresh, every byte after that is encrypted
 * and authenticated in its order, and what was recorded cannot be read by whoever learns the secret later.
 *
 * No certificate is ever shown or believed: whoever cannot use the key gets no further.
 */
import { hkdfSync } from 'node:crypto'
import { type ConnectionOptions, connect, createServer, type Server, type TLSSocket } from 'node:tls'
import { relayProofMs } from '../../limits/relay.ts'

const TLS = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256',
} as const
const IDENTITY = 'holdfast-relay'
const KEY_BYTES = 32

/** The key of a cluster's nodes, made of its secret for this purpose alone. */
export function relayKeyOf(clusterSecret: string): Buffer {
  return Buffer.from(hkdfSync('sha256', clusterSecret, '', `${IDENTITY} v1`, KEY_BYTES))
}

/** Dials a node. `secure` is said by the socket once the other side is proven; nothing may be sent before. */
export function dial(address: { readonly host: string; readonly port: number }, key: Buffer): TLSSocket {
  const options: ConnectionOptions = {
    ...TLS,
    ...address,
    pskCallback: () => ({ psk: key, identity: IDENTITY }),
    // Asked only where the other side showed a certificate instead.
    checkServerIdentity: () => new Error('the other side has not used the key of the cluster'),
  }
  return connect(options)
}

/**
 * The same at the end that is dialled. Sockets are given to it by `emit('connection', socket)`, and come back proven as
 * `secureConnection`; those that prove nothing in time are closed.
 */
export function proofServer(key: Buffer): Server {
  return createServer({
    ...TLS,
    handshakeTimeout: relayProofMs,
    pskCallback: (_socket, identity) => (identity === IDENTITY ? key : null),
  })
}
