/** What the passwords' threads do. Made anew for each scrape: main tells of them once, for all listeners. */
import { Counter, Gauge, Registry } from 'prom-client'
import type { PasswordsStatus } from '../shop/accounts/password-threads.ts'

export function passwordsRegistry({ waiting, done, refused, restarts }: PasswordsStatus): Registry {
  const registry = new Registry()
  const registers = [registry]
  new Gauge({
    name: 'holdfast_passwords_waiting',
    help: 'Passwords that wait to be hashed, of registrations and logins.',
    registers,
  }).set(waiting)
  new Counter({ name: 'holdfast_passwords_hashed_total', help: 'Passwords hashed.', registers }).inc(done)
  new Counter({
    name: 'holdfast_passwords_refused_total',
    help: 'Passwords that were not hashed because too many waited, or the thread ended.',
    registers,
  }).inc(refused)
  new Counter({
    name: 'holdfast_password_thread_restarts_total',
    help: 'Threads that hash passwords and had to be replaced.',
    registers,
  }).inc(restarts)
  return registry
}
