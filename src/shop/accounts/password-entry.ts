/** A thread that hashes passwords, one at a time, behind everybody else. */
import { parentPort } from 'node:worker_threads'
import { assert, unreachable } from '../../domain/assert.ts'
import { passwordNiceness } from '../../limits/account-limits.ts'
import { portOf, yieldToOthers } from '../../seams.ts'
import { checkArgon2, hashPassword, isPasswordOf } from './password-hash.ts'
import type {
  FromPasswordThread,
  PasswordJob,
  PasswordOutcome,
  ToPasswordThread,
} from './password-protocol.ts'

assert(parentPort !== null, 'password-entry.ts is the entry of a worker thread')
yieldToOthers(passwordNiceness)
checkArgon2()
const main = portOf<ToPasswordThread, FromPasswordThread>(parentPort)
main.receive((job) => main.send(outcomeOf(job)))
main.send({ type: 'ready' })

function outcomeOf(job: PasswordJob): PasswordOutcome {
  switch (job.type) {
    case 'hash':
      return { type: 'hashed', hash: hashPassword(job.password, job.salt) }
    case 'check':
      return { type: 'checked', isRight: isPasswordOf(job.hash, job.password) }
    default:
      return unreachable(job)
  }
}
