import { readdirSync, readFileSync } from 'node:fs'

/** Kills every process of a group this process started; one that is gone already is fine. */
export function killGroup(groupId: number): void {
  try {
    process.kill(-groupId, 'SIGKILL')
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

/** Command lines of the group's processes that are still running, waiting for them up to `patienceMs`. */
export async function survivorsOf(groupId: number, patienceMs: number): Promise<string[]> {
  const endsAt = performance.now() + patienceMs
  for (;;) {
    const commands = commandsOf(groupId)
    if (commands.length === 0 || performance.now() > endsAt) return commands
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

function commandsOf(groupId: number): string[] {
  try {
    process.kill(-groupId, 0)
  } catch (error) {
    if (isGone(error)) return []
    throw error
  }
  if (process.platform !== 'linux') return ['(a process this platform does not name)']
  // A signal reaches zombies too, and in a container often nobody reaps them: only /proc tells them apart.
  return readdirSync('/proc').flatMap((entry) => (/^\d+$/.test(entry) ? commandIfIn(groupId, entry) : []))
}

function commandIfIn(groupId: number, pid: string): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may hold anything, so fields are counted from the last one.
    const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (Number(group) !== groupId || state === 'Z' || state === 'X') return []
    return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()]
  } catch {
    return [] // It ended between the listing and the reading.
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ESRCH'
}
