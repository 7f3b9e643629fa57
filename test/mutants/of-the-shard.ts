/** Bugs in what a shard remembers of keys, and in when its answers leave. */
import type { Mutant } from './mutant.ts'

export const mutantsOfTheShard: readonly Mutant[] = [
  {
    name: 'nobody asks whether a key was answered before',
    file: 'src/actors/shard.ts',
    find: "    if (known?.kind === 'answer') {\n      this.counters.replayed += 1\n      const answer",
    replace: "    if (known?.kind === 'claim') {\n      this.counters.replayed += 1\n      const answer",
    test: 'test/actors/keys.test.ts',
    caughtBy: 'a command under a key › is decided once and answered as before, also when it races itself',
  },
  {
    name: 'another body under the same key is let through',
    file: 'src/actors/shard.ts',
    find: "    if (known !== undefined && known.fingerprint !== fingerprint) {\n      return { type: 'refused', refusal: { reason: 'idempotencyMismatch' } }\n    }\n    if (known?.kind",
    replace: '    if (known?.kind',
    test: 'test/actors/keys.test.ts',
    caughtBy:
      'a command under a key › is refused where the body is another one, and decided afresh after a refusal',
  },
  {
    name: 'the answer under a key is not kept with its event',
    file: 'src/actors/shard.ts',
    find: "    this.#apply({ type: 'KeyAnswered', hash, fingerprint, answer: encodeAnswer(request, reply, this.#nowMs) })\n",
    replace: '',
    test: 'test/actors/keys.test.ts',
    caughtBy:
      'a command under a key › has the same answer after a kill, with and without a snapshot, whatever became of the reservation',
  },
  {
    name: 'a key is given back while somebody else who was granted it may have succeeded',
    file: 'src/actors/claimants.ts',
    find: 'return known.count === 0 && this.#byKey.delete(hash)',
    replace: 'return this.#byKey.delete(hash)',
    test: 'test/actors/claimants.test.ts',
    caughtBy:
      'a claimed key › stays taken while one who was granted it has not come to nothing, however long ago',
  },
  {
    name: 'a key is given back though its reservation may have been made',
    file: 'src/http/idempotency.ts',
    find: "return error instanceof EngineError && error.code !== 'outcome-unknown'",
    replace: 'return error instanceof EngineError',
    test: 'test/http/idempotency.test.ts',
    caughtBy:
      'a new reservation under a key › gives its claim back where nothing came of it, and keeps it where that is not known',
  },
  {
    name: 'two callers share their keys',
    file: 'src/http/idempotency.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source text.
    find: '`${principal?.callerId ?? NOBODY} ${method} ${path}`',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source text.
    replace: '`${principal?.role ?? NOBODY} ${method} ${path}`',
    test: 'test/http/idempotency.test.ts',
    caughtBy:
      'attacks with keys › 27: another user’s or route’s key is another key, and shows nothing of theirs',
  },
  {
    name: 'answers leave before they are durable',
    file: 'src/actors/shard-worker.ts',
    find: '    this.#releaseTo(journal?.durableOrdinal ?? 0)',
    replace: '    this.#releaseTo(restsOn)',
    test: 'test/actors/engine.test.ts',
    caughtBy: 'a reply › leaves only when the frame of its event is durable',
  },
  {
    name: 'the board shows a count that is not durable',
    file: 'src/actors/shard-worker.ts',
    find: '      if (journal !== undefined) this.#board.gather(journal.restsOn, shard)\n',
    replace: '      if (journal !== undefined) this.#board.gather(journal.durableOrdinal, shard)\n',
    test: 'test/actors/stock-glances.test.ts',
    caughtBy: 'a glance › shows what a hold left as soon as it is durable, and not before',
  },
  {
    name: 'the board shows a count later than a reply tells it',
    file: 'src/actors/shard-worker.ts',
    find: '    this.#board.release(durableOrdinal)\n    this.#replies.release(durableOrdinal)\n    this.#desk.release(durableOrdinal)\n',
    replace:
      '    this.#replies.release(durableOrdinal)\n    this.#desk.release(durableOrdinal)\n    this.#parts.timers.soon(() => this.#board.release(durableOrdinal))\n',
    test: 'test/actors/stock-glances.test.ts',
    caughtBy: 'a glance › shows no less than an answer that has come, in the very moment in which it comes',
  },
  {
    name: 'a product is on the board before it is durable',
    file: 'src/actors/board-desk.ts',
    find: 'const isShown = number !== undefined && number < board.products',
    replace: 'const isShown = number !== undefined',
    test: 'test/actors/stock-glances.test.ts',
    caughtBy:
      'a product without stock › that was never durable is not taken for the one that has its number instead',
  },
  {
    name: 'a product that appears is taken for absent for good',
    file: 'src/actors/stock-glances.ts',
    find: 'return this.#absent.get(productId) === reader.products ? undefined',
    replace: 'return this.#absent.has(productId) ? undefined',
    test: 'test/actors/stock-glances.test.ts',
    caughtBy: 'a product without stock › is looked for again only once its shard has one more',
  },
  {
    name: 'a reading of the board is half of one version and half of another',
    file: 'src/actors/stock-board.ts',
    find: 'if (Atomics.load(words, at + BEGUN) === done) return shown',
    replace: 'if (Atomics.load(words, at + BEGUN) !== undefined) return shown',
    test: 'test/actors/stock-board.test.ts',
    caughtBy:
      'a board that another thread writes as fast as it can › is never read half old and half new, and never goes back',
  },
  {
    name: 'an ended worker’s board takes the place of its successor’s',
    file: 'src/actors/engine.ts',
    find: 'if (replies.board !== undefined && link.port === port) this',
    replace: 'if (replies.board !== undefined) this',
    test: 'test/actors/stock-glances.test.ts',
    caughtBy: 'while a shard is down › what an ended worker still says of its board is not heard',
  },
  {
    name: 'a read shows a count that is not durable',
    file: 'src/persistence/journal/writer.ts',
    find: 'return this.#frame.events > 0 ? this.#written + 1 : this.#written',
    replace: 'return this.#frame.events > 0 ? this.#written + 1 : this.#durable',
    test: 'test/actors/engine.test.ts',
    caughtBy: 'a reply › to a read waits for what the shard did by itself, which nobody else waits for',
  },
  {
    name: 'answers still leave after a sync has failed',
    file: 'src/actors/shard-worker.ts',
    find: '    this.#replies.drop()\n',
    replace: '    this.#replies.release(Number.MAX_SAFE_INTEGER)\n',
    test: 'test/actors/engine.test.ts',
    caughtBy: 'a reply › never leaves where the sync fails, even if the next one would not',
  },
  {
    name: 'a message that comes twice is done twice',
    file: 'src/actors/shard-worker.ts',
    find: '      if (callId <= connection.lastCallId) return\n',
    replace: '',
    test: 'test/actors/engine.test.ts',
    caughtBy:
      'messages between threads (F50) › that arrive twice are not done twice, whether or not what they ask for could be',
  },
  {
    name: 'a command is done long after its caller gave up',
    file: 'src/actors/shard-worker.ts',
    find: '        if (monotonicMs > deadlineMs) {',
    replace: '        if (monotonicMs > deadlineMs + 3_600_000) {',
    test: 'test/actors/engine.test.ts',
    caughtBy: 'bounds › a command that waited past its deadline is refused undecided',
  },
  {
    name: 'holds expire while nobody could have confirmed them',
    file: 'src/actors/dues.ts',
    find: '? Math.max(expiresAtMs, this.#readyAtMs + recoveryGraceMs)',
    replace: '? expiresAtMs',
    test: 'test/actors/expiry.test.ts',
    caughtBy: 'after a recovery › no hold made before it expires within 30 s of the shard being ready',
  },
  {
    name: 'what the line handed over never expires',
    file: 'src/actors/shard.ts',
    find: "      case 'UnitsHeld':\n      case 'WaitlistServed':\n",
    replace: "      case 'UnitsHeld':\n",
    test: 'test/actors/waitlist.test.ts',
    caughtBy: 'waiting in line › served holds that expire go to the next in line',
  },
  {
    name: 'the line is served in a later frame than the one that freed the units',
    file: 'src/actors/shard.ts',
    find: '    for (const stock of unserved) this.#serve(stock)\n',
    replace: '    for (const stock of unserved) this.#lines.note(stock, true)\n',
    test: 'test/actors/waitlist.test.ts',
    caughtBy: 'waiting in line › ends with a hold, in order, before anybody new can have the units',
  },
  {
    name: 'a jump of the wall clock expires everybody',
    file: 'src/actors/shard-clock.ts',
    find: '  const nowMs = () => startedAtMs + Math.floor(clock.monotonicMs() - origin)',
    replace:
      '  const nowMs = () => Math.max(startedAtMs + Math.floor(clock.monotonicMs() - origin), clock.wallMs())',
    test: 'test/actors/expiry.test.ts',
    caughtBy: 'a hold › expires at its time although the wall clock jumps an hour ahead',
  },
  {
    name: 'a customer reads and changes the reservations of others',
    file: 'src/http/reservation-routes.ts',
    find: "return principal?.role !== 'customer' || customerId === principal.customerId",
    replace: "return principal?.role !== 'customer' || customerId !== undefined",
    test: 'test/http/reservation-routes.test.ts',
    caughtBy: 'GET /v1/reservations/{id} › what is somebody else’s looks exactly like what does not exist',
  },
  {
    name: 'a live stream goes back to an older count',
    file: 'src/http/stock-streams.ts',
    find: 'if (newest !== undefined && newest.version > stock.version) return newest',
    replace: 'if (newest !== undefined && newest.version > stock.version + 1_000) return newest',
    test: 'test/http/stock-streams.test.ts',
    caughtBy:
      'GET /v1/products/{id}/stock/stream › begins with nothing older than what others were told, though its own answer may be',
  },
]
