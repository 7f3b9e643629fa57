import { EmbeddedIndex } from '../../../src/search/embedded/embedded-index.ts'
import { searchIndexContract } from '../../contract/search-indexes.ts'

searchIndexContract('what is in memory', async () => ({ index: new EmbeddedIndex(), close: async () => {} }))
