/** A real Kafka of one node (KRaft) on loopback ports of its own, with a temporary directory that it keeps over restarts. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Admin } from '@platformatic/kafka'
import { freePorts } from '../../src/cli/local-cluster/free-ports.ts'
import { findBinary, kafkaJars } from './binaries.ts'

const HOST = '127.0.0.1'
const CLUSTER = 'holdfastTestsCluster00'
const READY_WITHIN_MS = 120_000
const TRY_EVERY_MS = 100
const OUTPUT_SHOWN = 2_000
const LOG = 'output.log'
const SETTINGS = 'server.properties'

export class KafkaServerProcess {
  readonly port: number
  readonly directory: string
  #child: ChildProcess | undefined

  private constructor(port: number, directory: string) {
    this.port = port
    this.directory = directory
    process.once('exit', this.#end)
  }

  /** Resolves when it answers. Only for tests that say that they need `kafka`. */
  static async start(): Promise<KafkaServerProcess> {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-kafka-'))
    const [port, controller] = (await freePorts(2)) as [number, number]
    const server = new KafkaServerProcess(port, directory)
    const settings = {
      'process.roles': 'broker,controller',
      'node.id': 1,
      'controller.quorum.voters': `1@${HOST}:${controller}`,
      listeners: `PLAINTEXT://${HOST}:${port},CONTROLLER://${HOST}:${controller}`,
      'advertised.listeners': `PLAINTEXT://${HOST}:${port}`,
      'controller.listener.names': 'CONTROLLER',
      'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
      'log.dirs': join(directory, 'data'),
      'offsets.topic.replication.factor': 1,
      'group.initial.rebalance.delay.ms': 0,
      'num.partitions': 3,
      // Whoever was killed is let in again once its session is over.
      'broker.heartbeat.interval.ms': 250,
      'broker.session.timeout.ms': 1_000,
    }
    const text = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
    writeFileSync(join(directory, SETTINGS), text.join(''))
    const format = ['kafka.tools.StorageTool', 'format', '-t', CLUSTER, '-c', join(directory, SETTINGS)]
    await promisify(execFile)(java(), [...jvm(), ...format])
    try {
      await server.restart()
      return server
    } catch (error) {
      await server.close()
      throw error
    }
  }

  get url(): string {
    return `kafka://${HOST}:${this.port}`
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Loses power: nothing is said, nothing is flushed by it. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined || !this.isRunning) return
    const exit = once(child, 'exit')
    child.ref()
    child.kill('SIGKILL')
    await exit
  }

  /** On the same directory and port. Resolves when it answers. */
  async restart(): Promise<void> {
    await this.kill()
    const log = openSync(join(this.directory, LOG), 'a')
    // In the test's own process group, so that it ends with it whatever happens; it keeps nobody from ending.
    const child = spawn(java(), [...jvm(), 'kafka.Kafka', join(this.directory, SETTINGS)], {
      cwd: this.directory,
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    child.unref()
    this.#child = child
    await this.#untilReady()
  }

  async close(): Promise<void> {
    await this.kill()
    process.off('exit', this.#end)
    this.#end()
  }

  readonly #end = (): void => {
    this.#child?.kill('SIGKILL')
    rmSync(this.directory, { recursive: true, force: true })
  }

  async #untilReady(): Promise<void> {
    const givenUpMs = performance.now() + READY_WITHIN_MS
    // The client's own waits keep no process alive.
    const alive = setInterval(() => {}, READY_WITHIN_MS)
    try {
      while (!(await this.#answers(givenUpMs)))
        await new Promise((resolve) => setTimeout(resolve, TRY_EVERY_MS))
    } finally {
      clearInterval(alive)
    }
  }

  async #answers(givenUpMs: number): Promise<boolean> {
    const admin = new Admin({
      clientId: 'test',
      bootstrapBrokers: [`${HOST}:${this.port}`],
      retries: 0,
      connectTimeout: 1_000,
    })
    try {
      await admin.listTopics()
      return true
    } catch (error) {
      if (this.isRunning && performance.now() < givenUpMs) return false
      const output = readFileSync(join(this.directory, LOG), 'utf8').slice(-OUTPUT_SHOWN)
      await this.kill()
      throw new Error(`Kafka is not ready: ${output}`, { cause: error })
    } finally {
      await admin.close()
    }
  }
}

function java(): string {
  const found = findBinary('java')
  if (found === undefined) throw new Error('java is not installed')
  return found
}

function jvm(): readonly string[] {
  return ['-Xmx384m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', join(kafkaJars() ?? '', '*')]
}
