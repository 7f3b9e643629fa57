/**
 * The keys that sign access tokens, as one listener knows them: Ed25519, kept in the tables, told apart by `kid`.
 *
 * SK1  A key is only ever found by its `kid` in the map of our own. What a token says of keys (`jku`, `x5u`, `jwk`) is not
 *      even read: nothing is fetched, from the tables or from anywhere, under a name that a token brought.
 * SK2  Whoever is to sign and finds the newest key thirty days old makes another. The others hear of it by a notice, and on
 *      another node when the first token comes that was signed with it.
 * SK3  A key stays as long as anything that it signed is good, and as long as the reply in which it was may be given again.
 */
import { createPrivateKey } from 'node:crypto'
import { importJWK, type JWK } from 'jose'
import { assert } from '../../domain/assert.ts'
import { signingKeyMs, signingKeysReloadMs } from '../../limits/account-limits.ts'
import type { Tables } from '../../persistence/tables/operations.ts'
import type { Clock, Random } from '../../seams.ts'

export type SigningKey = {
  readonly kid: string
  readonly createdAtMs: number
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
  readonly publicJwk: JWK
}

export const signatureAlgorithm = 'EdDSA'

const SEED_BYTES = 32
const BYTE = 256
/** RFC 8410: what comes before the 32 bytes of an Ed25519 private key in PKCS #8. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')

type Parts = {
  readonly tables: Pick<Tables, 'read' | 'write'>
  readonly clock: Clock
  readonly random: Random
}

export class SigningKeys {
  readonly #parts: Parts
  /** The newest first. */
  #keys: ReadonlyMap<string, SigningKey> = new Map()
  #loadedAtMs = Number.NEGATIVE_INFINITY
  #loading: Promise<void> | undefined
  /** Grows whenever somebody says that there are others, so that what was read before is not taken for what is. */
  #changes = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** The key to sign with now; makes one where there is none, or none that is young enough. */
  async current(): Promise<SigningKey> {
    if (this.#keys.size === 0) await this.#load()
    const newest = this.#newest
    if (newest !== undefined && this.#ageMs(newest) < signingKeyMs) return newest
    const privateJwk = JSON.stringify(drawPrivateJwk(this.#parts.random))
    await this.#parts.tables.write('signingKeys.add', { privateJwk, unlessYoungerThanMs: signingKeyMs })
    await this.#load()
    const made = this.#newest
    assert(made !== undefined, 'there is a key once one was added')
    return made
  }

  /** The key that signed at that time, so that what was signed can be signed again the same; else the oldest there is. */
  async at(atMs: number): Promise<SigningKey> {
    const current = await this.current()
    const keys = [...this.#keys.values()]
    return keys.find(({ createdAtMs }) => createdAtMs <= atMs) ?? keys.at(-1) ?? current
  }

  /** One of our own; looks anew, but not often, where there is none of that name. */
  async find(kid: string): Promise<SigningKey | undefined> {
    const known = this.#keys.get(kid)
    if (known !== undefined) return known
    const isFresh = this.#parts.clock.monotonicMs() - this.#loadedAtMs < signingKeysReloadMs
    if (isFresh) return undefined
    await this.#load()
    return this.#keys.get(kid)
  }

  /** For others to check tokens with (RFC 7517). */
  async publicJwks(): Promise<readonly JWK[]> {
    await this.current()
    return [...this.#keys.values()].map(({ publicJwk }) => publicJwk)
  }

  /** There are others, as somebody said. */
  forget(): void {
    this.#changes += 1
    this.#keys = new Map()
    this.#loadedAtMs = Number.NEGATIVE_INFINITY
  }

  get #newest(): SigningKey | undefined {
    return this.#keys.values().next().value
  }

  #ageMs({ createdAtMs }: SigningKey): number {
    return this.#parts.clock.wallMs() - createdAtMs
  }

  #load(): Promise<void> {
    const loading = this.#loading ?? this.#readAll()
    this.#loading = loading
    return loading
  }

  async #readAll(): Promise<void> {
    try {
      for (let changes = -1; changes !== this.#changes; ) {
        changes = this.#changes
        const stored = await this.#parts.tables.read('signingKeys.list', {})
        const keys = await Promise.all(stored.map(signingKeyOf))
        this.#keys = new Map(keys.map((key) => [key.kid, key]))
        this.#loadedAtMs = this.#parts.clock.monotonicMs()
      }
    } finally {
      this.#loading = undefined
    }
  }
}

async function signingKeyOf(stored: {
  readonly id: string
  readonly privateJwk: string
  readonly createdAtMs: number
}): Promise<SigningKey> {
  const { id: kid, privateJwk, createdAtMs } = stored
  const { kty, crv, x, d } = JSON.parse(privateJwk) as JWK
  const publicPart = { kty, crv, x } as JWK
  const [privateKey, publicKey] = await Promise.all([
    importJWK({ ...publicPart, d } as JWK, signatureAlgorithm),
    importJWK(publicPart, signatureAlgorithm),
  ])
  assert(privateKey instanceof CryptoKey && publicKey instanceof CryptoKey, 'a key pair is imported as such')
  const publicJwk: JWK = { ...publicPart, kid, alg: signatureAlgorithm, use: 'sig' }
  return { kid, createdAtMs, privateKey, publicKey, publicJwk }
}

function drawPrivateJwk(random: Random): JWK {
  const seed = Uint8Array.from({ length: SEED_BYTES }, () => Math.floor(random.fraction() * BYTE))
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })
  return key.export({ format: 'jwk' }) as JWK
}
