/** Two nodes on one PostgreSQL, as tests of what they do at the same time need them. */
import type { DatabaseTarget } from '../../src/config/database-target.ts'
import { PostgresServerProcess } from './postgres-server.ts'
import { PostgresNode } from './postgres-tables.ts'

export class TwoNodes {
  readonly target: DatabaseTarget
  readonly one: PostgresNode
  readonly two: PostgresNode
  readonly #server: PostgresServerProcess

  private constructor(
    server: PostgresServerProcess,
    target: DatabaseTarget,
    nodes: readonly [PostgresNode, PostgresNode],
  ) {
    this.#server = server
    this.target = target
    ;[this.one, this.two] = nodes
  }

  static async open(server: PostgresServerProcess): Promise<TwoNodes> {
    const target = await server.newTarget()
    const nodes = await Promise.all([PostgresNode.start(target), PostgresNode.start(target)])
    return new TwoNodes(server, target, nodes)
  }

  /** One after the other, again and again. */
  *turns(count: number): Generator<PostgresNode> {
    for (let turn = 0; turn < count; turn++) yield turn % 2 === 0 ? this.one : this.two
  }

  ask(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    return this.#server.ask(this.target.database, sql)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.one.close(), this.two.close()])
    const faults = [...this.one.faults, ...this.two.faults]
    if (faults.length > 0) throw new AggregateError(faults, 'a node met with what nobody expects')
  }
}

/** A server for all tests of a file, started with the first. */
export function sharedServer(): { start(): Promise<PostgresServerProcess>; stop(): Promise<void> } {
  let server: Promise<PostgresServerProcess> | undefined
  return {
    start: () => (server ??= PostgresServerProcess.start()),
    stop: async () => void (await (await server)?.stop()),
  }
}
