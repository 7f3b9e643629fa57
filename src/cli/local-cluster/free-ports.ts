/**
 * Ports for programs that are started later, and again. They lie below those that Linux (from 32,768) and others (from
 * 49,152) hand out to connections and to whoever asks for any port, or one could be taken before its program is up.
 */
import { createServer } from 'node:net'
import { type Random, realRandom } from '../../seams.ts'

const first = 10_000
const past = 32_768
const drawsMax = 1_000

type Probe = { readonly port: number; readonly close: () => Promise<void> }

/** So many different loopback ports that nobody has at the moment. */
export async function freePorts(count: number, random: Random = realRandom()): Promise<readonly number[]> {
  // All are held until all are drawn, or the same could come twice.
  const probes = await Promise.all(Array.from({ length: count }, () => openProbe(random)))
  await Promise.all(probes.map(({ close }) => close()))
  return probes.map(({ port }) => port)
}

/** A loopback port that nobody has at the moment. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1)
  return port as number
}

async function openProbe(random: Random): Promise<Probe> {
  for (let drawn = 1; ; drawn++) {
    try {
      return await probe(first + Math.floor(random.fraction() * (past - first)))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || drawn === drawsMax) throw error
    }
  }
}

function probe(port: number): Promise<Probe> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const close = () => new Promise<void>((closed) => void server.close(() => closed()))
      resolve({ port, close })
    })
  })
}
