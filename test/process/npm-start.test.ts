/** `npm start`, as README and people have it: whoever stops npm stops the server, and not a shell between them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { isLocked } from '../../src/persistence/directory.ts'
import { callServer } from '../support/http-call.ts'
import { adminKey, Site } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const test = suite('npm start', { limitMs: 60_000, needs: ['npm'] })

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`ends with its server in order at ${signal}`, async () => {
    await using site = new Site()
    const npm = spawn('npm', ['start'], {
      cwd: ROOT,
      env: {
        PATH: process.env.PATH,
        HOME: site.directory,
        npm_config_cache: join(site.directory, '..', 'npm'),
        npm_config_update_notifier: 'false',
        PORT: '0',
        DATA_DIR: site.directory,
        ADMIN_KEY: adminKey,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = once(npm, 'exit')
    let output = ''
    for await (const text of npm.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
      output += text
      if (output.includes('"msg":"started"')) break
    }
    npm.stdout.on('data', (text: string) => {
      output += text
    })
    const port = Number(/"port":(\d+).*"msg":"started"/.exec(output)?.[1])
    assert.is((await callServer(port, ['GET', '/livez'])).type, 'answered')
    npm.kill(signal)
    assert.equal(await exited, [0, null], output)
    assert.is((await callServer(port, ['GET', '/livez'])).type, 'unreached', 'its port is closed')
    assert.not(isLocked(site.directory), 'its lock is free')
    assert.match(output, '"msg":"shutdown.done"')
  })
}

test.run()
