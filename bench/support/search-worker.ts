/** An index in a thread of its own, which answers as the search's thread does: one question after the other, over a port. */
import { parentPort, workerData } from 'node:worker_threads'
import { EmbeddedIndex } from '../../src/search/embedded/embedded-index.ts'
import type { SearchRequest } from '../../src/search/search-index.ts'
import { searchCatalog } from './search-catalog.ts'

export type SearchWorkerData = {
  readonly products: number
  readonly path: string | undefined
  readonly seed: number
}
export type SearchAsked = { readonly call: number; readonly request: SearchRequest }

const { products, path, seed } = workerData as SearchWorkerData
const index = new EmbeddedIndex()
const documents = searchCatalog(products, { path, seed })
for (let from = 0; from < documents.length; from += 50) await index.put(documents.slice(from, from + 50))
parentPort?.on('message', async ({ call, request }: SearchAsked) => {
  parentPort?.postMessage({ call, answer: await index.search(request) })
})
parentPort?.postMessage('filled')
