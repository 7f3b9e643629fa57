/**
 * People who sign in, all at once, in a process of its own: each again as soon as they are, or within a second of when they
 * are told to come back. All into one account, with the right password, so that no limit on failures is what was measured.
 */
import { Agent, request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'

export type LoginLoad = { readonly url: string; readonly people: number; readonly forMs: number }
export type LoginsPlayed = {
  readonly signedIn: number
  /** Told to come back. */
  readonly shed: number
  /** Other answers, and requests without any. */
  readonly unexpected: number
}

type Answer = { readonly status: number; readonly retryAfterMs: number }

const BODY = { email: 'ann@example.com', password: 'seven herons at dawn' }
const SECOND_MS = 1_000
const OK = 200
const CREATED = 201
const CONFLICT = 409
const SHED = 503

process.on('message', (load) => void play(load as LoginLoad).then((played) => process.send?.(played)))
process.on('disconnect', () => process.exit())

async function play({ url, people, forMs }: LoginLoad): Promise<LoginsPlayed> {
  const agent = new Agent({ keepAlive: true, maxSockets: people })
  const made = await post(agent, `${url}/v1/auth/register`, { name: 'Ann', ...BODY })
  if (made.status !== CREATED && made.status !== CONFLICT) throw new Error(`no account: ${made.status}`)
  const endsMs = performance.now() + forMs
  const played = { signedIn: 0, shed: 0, unexpected: 0 }
  const signIn = async (): Promise<void> => {
    while (performance.now() < endsMs) {
      const { status, retryAfterMs } = await post(agent, `${url}/v1/auth/login`, BODY)
      const leftMs = endsMs - performance.now()
      if (status !== OK && status !== SHED) played.unexpected += 1
      // What is answered later is not what was done beside the others.
      else if (leftMs <= 0) return
      else if (status === OK) played.signedIn += 1
      else {
        played.shed += 1
        await pause(Math.min(retryAfterMs + Math.random() * SECOND_MS, leftMs))
      }
    }
  }
  await Promise.all(Array.from({ length: people }, signIn))
  agent.destroy()
  return played
}

function post(agent: Agent, url: string, body: object): Promise<Answer> {
  const text = JSON.stringify(body)
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
  return new Promise((resolve) => {
    const outgoing = request(url, { method: 'POST', agent, headers })
    outgoing.once('error', () => resolve({ status: 0, retryAfterMs: SECOND_MS }))
    outgoing.once('response', (incoming) => {
      const retryAfterMs = Number(incoming.headers['retry-after'] ?? 1) * SECOND_MS
      incoming.resume().once('end', () => resolve({ status: incoming.statusCode ?? 0, retryAfterMs }))
    })
    outgoing.end(text)
  })
}
