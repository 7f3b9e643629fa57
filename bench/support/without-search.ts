/** Loaded before a server's own files, for the side that has no search: its thread is never started. */
import { SearchThread } from '../../src/search/search-thread.ts'

SearchThread.prototype.start = () => {}
