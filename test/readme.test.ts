/** The README's tour is executed, and what it shows is what one gets. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { settingsTable } from '../src/config.ts'
import { suite } from './support/suite.ts'

const test = suite('the README')
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const main = new URL('../src/main.ts', import.meta.url).pathname

test('shows the settings as the program has them', () => {
  assert.ok(readme.includes(settingsTable().trim()))
})

test('gives commands that do what it says they do', async () => {
  const steps = [...readme.matchAll(/```sh\n(.*?)```(?:\n\n```json\n(.*?)```)?/gs)].map(
    ([, command, shown]) => ({
      command: command as string,
      shown: shown === undefined ? undefined : (JSON.parse(shown) as unknown),
    }),
  )
  assert.ok(
    steps.filter(({ shown }) => shown !== undefined).length >= 5,
    'the tour has steps that show a reply',
  )

  const directory = mkdtempSync(join(tmpdir(), 'holdfast-readme-'))
  const server = spawn(process.execPath, [main], {
    cwd: directory,
    env: { PATH: process.env.PATH, PORT: '0', SEGMENT_BYTES: '65536' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const port = await portOf(server)
    const replies = await runInOneShell(
      steps.map(({ command }) => command.replaceAll('127.0.0.1:3000', `127.0.0.1:${port}`)),
      directory,
    )
    steps.forEach(({ command, shown }, i) => {
      if (shown !== undefined) assertShown(JSON.parse(replies[i] as string), shown, command)
    })
  } finally {
    const ended = new Promise((resolve) => server.once('exit', resolve))
    server.kill('SIGTERM')
    assert.is(await ended, 0)
    rmSync(directory, { recursive: true })
  }
})

/** Waits for the log line that tells the port. */
function portOf(server: ReturnType<typeof spawn>): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = ''
    server.stdout?.on('data', (chunk) => {
      text += chunk
      const started = /^\{.*"port":(\d+).*"msg":"started".*$/m.exec(text)
      if (started !== null) resolve(Number(started[1]))
    })
    server.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${text}`)))
  })
}

/** Runs the commands in one shell, as a reader would, and gives what each printed. */
function runInOneShell(commands: readonly string[], directory: string): Promise<readonly string[]> {
  const separator = '--- next step ---'
  return new Promise((resolve, reject) => {
    const shell = spawn(
      'bash',
      ['-e', '-o', 'pipefail', '-c', commands.join(`\necho; echo '${separator}'\n`)],
      {
        cwd: directory,
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    let text = ''
    shell.stdout.on('data', (chunk) => {
      text += chunk
    })
    shell.once('close', (code) => {
      if (code === 0) resolve(text.split(separator))
      else reject(new Error(`a command of the tour failed with ${code}: ${text}`))
    })
  })
}

/** Everything shown is there; ids, times and sequences may differ in value. */
function assertShown(got: unknown, shown: unknown, command: string): void {
  if (typeof shown !== 'object' || shown === null) {
    if (typeof shown === 'string' && /^res_|^\d{4}-\d\d-\d\dT/.test(shown)) assert.type(got, 'string')
    else assert.is(got, shown, command)
    return
  }
  for (const [name, value] of Object.entries(shown)) {
    if (name === 'sequence') assert.type((got as Record<string, unknown>)[name], 'number')
    else assertShown((got as Record<string, unknown>)?.[name], value, `${command}: ${name}`)
  }
}

test.run()
