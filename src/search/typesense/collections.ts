/** Which collections there are for an alias: making, finding, swapping and dropping them. */
import { z } from 'zod'
import type { Clock, Random } from '../../seams.ts'
import { IndexLost } from '../search-index.ts'
import { collectionName, fields, isMadeFor, isSchemaOfOurs } from './schema.ts'
import type { TypesenseServer } from './server.ts'

const collectionSchema = z.object({
  name: z.string(),
  fields: z.array(
    z.object({
      name: z.string(),
      type: z.string(),
      facet: z.boolean().optional(),
      optional: z.boolean().optional(),
    }),
  ),
})
const aliasSchema = z.object({ collection_name: z.string() })
const namedSchema = z.object({ name: z.string() })

/** `outdated`: it is there, and was made by a version of Holdfast with another schema. */
export type Live =
  | { readonly type: 'current' | 'outdated'; readonly collection: string }
  | { readonly type: 'none' }

export class Collections {
  readonly alias: string
  readonly #server: TypesenseServer
  readonly #clock: Clock
  readonly #random: Random

  constructor(alias: string, parts: { server: TypesenseServer; clock: Clock; random: Random }) {
    this.alias = alias
    this.#server = parts.server
    this.#clock = parts.clock
    this.#random = parts.random
  }

  /** The one that answers under the alias. */
  async live(): Promise<Live> {
    const target = await this.#target()
    if (target === undefined) return { type: 'none' }
    const found = await orNone(this.#get(target))
    if (found === undefined) return { type: 'none' }
    const isCurrent = isSchemaOfOurs(found.fields as Parameters<typeof isSchemaOfOurs>[0])
    return { type: isCurrent ? 'current' : 'outdated', collection: target }
  }

  /** A new, empty one beside the live one; answers its name. */
  async make(): Promise<string> {
    const name = collectionName(this.alias, this.#clock.wallMs(), this.#random)
    await this.#server.call('make a collection', namedSchema, (client) =>
      client.collections().create({ name, fields: [...fields] }),
    )
    return name
  }

  /**
   * From now on it answers under the alias: in one step, for whoever asks. Throws `IndexLost` where it is gone, since the
   * server lets an alias lead to nothing.
   */
  async setLive(collection: string): Promise<void> {
    await this.#get(collection)
    const target = { collection_name: collection }
    await this.#server.call('set the alias', aliasSchema, (client) =>
      client.aliases().upsert(this.alias, target),
    )
  }

  async drop(collection: string): Promise<void> {
    await orNone(
      this.#server.call('drop a collection', namedSchema, (client) =>
        client.collections(collection).delete(),
      ),
    )
  }

  /** Drops whatever was made for this alias and is none of these: what rebuilds that broke off have left. */
  async dropAllBut(kept: readonly string[]): Promise<void> {
    const made = await this.#server.call('list collections', z.array(namedSchema), (client) =>
      client.collections().retrieve(),
    )
    for (const { name } of made) {
      if (isMadeFor(this.alias, name) && !kept.includes(name)) await this.drop(name)
    }
  }

  #get(collection: string): Promise<z.infer<typeof collectionSchema>> {
    return this.#server.call('get a collection', collectionSchema, (client) =>
      client.collections(collection).retrieve(),
    )
  }

  async #target(): Promise<string | undefined> {
    const found = await orNone(
      this.#server.call('get the alias', aliasSchema, (client) => client.aliases(this.alias).retrieve()),
    )
    return found?.collection_name
  }
}

async function orNone<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof IndexLost) return undefined
    throw error
  }
}
