/** The source is tested like anything else: against the rules of `support/tidy-rules.ts`. */
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import * as assert from 'uvu/assert'
import { readSource } from './support/source-text.ts'
import { note, suite } from './support/suite.ts'
import { checkLinks, isLong, RULES } from './support/tidy-rules.ts'

type Snippet = readonly [path: string, text: string]

const ROOT = join(import.meta.dirname, '..')
/** Written in two halves, or the rule would find its own examples. */
const at = (...parts: string[]) => parts.join('')

/** What each rule must refuse, every entry alone, and what it must let pass. */
const EXAMPLES: Readonly<
  Record<string, { readonly bad: readonly Snippet[]; readonly good: readonly Snippet[] }>
> = {
  'imports point one way': {
    bad: [
      ['src/domain/stock.ts', "import { z } from 'zod'"],
      ['src/domain/stock.ts', "import { readFile } from 'node:fs'"],
      ['src/domain/stock.ts', "import { RESERVATION_LINES_MAX } from '../limits.ts'"],
      ['src/domain/stock.ts', "import type { Config } from '../config.ts'"],
      ['src/persistence/journal.ts', "import { shardOf } from '../actors/routing.ts'"],
      ['src/persistence/deep/disk.ts', "export { shardOf } from '../../actors/routing.ts'"],
      ['src/actors/shard.ts', "import type { Context } from '../http/app.ts'"],
      ['src/actors/engine.ts', "const entry = new URL('../http/server.ts', import.meta.url)"],
      ['src/search/projector.ts', "const { Sweeper } = await import('../shop/orders/sweeper.ts')"],
      ['src/search/projector.ts', "import '../shop/catalog.ts'"],
      ['src/history/watch.ts', "import { Engine } from '../actors/engine.ts'"],
      ['src/actors/shard.ts', "import { Watch } from '../history/watch.ts'"],
      ['src/shop/cart.ts', "import {\n  problem,\n} from '../http/problems.ts'"],
      ['src/cluster/forwarding.ts', "import { cart } from '../shop/cart.ts'"],
      ['src/http/app.ts', "import { loadConfig, type Config } from '../config.ts'"],
      ['src/http/app.ts', "import { main } from '../main.ts'"],
      ['src/http/app.ts', "import { seed } from '../../test/support/seed.ts'"],
      ['src/limits.ts', "import { Engine } from './actors/engine.ts'"],
      ['src/gadgets/gadget.ts', "import { money } from '../domain/money.ts'"],
    ],
    good: [
      ['src/domain/stock.ts', "import { assert } from './assert.ts'"],
      [
        'src/http/app.ts',
        "import type { Config } from '../config.ts'\nimport { money } from '../domain/money.ts'",
      ],
      ['src/http/app.ts', "import { type Config } from '../config.ts'\nimport { Hono } from 'hono'"],
      ['src/search/projector.ts', "import { Clock } from '../seams.ts'\nimport { log } from '../log.ts'"],
      ['src/http/app.ts', "import { HistoryClient } from '../history/history-client.ts'"],
      ['src/main.ts', "import { loadConfig } from './config.ts'\nimport { serve } from './http/server.ts'"],
      ['src/cli/journal.ts', "import { loadConfig } from '../config.ts'"],
      ['src/domain/stock.ts', "// import { z } from 'zod'\nconst text = `import { z } from 'x'`.length"],
    ],
  },
  'no barrels, no drawers': {
    bad: [
      ['src/domain/index.ts', ''],
      ['src/utils/strings.ts', ''],
      ['src/http/common/money.ts', ''],
      ['src/http/utils.ts', ''],
    ],
    good: [['src/search/fts-index.ts', '']],
  },
  'file names are kebab-case': {
    bad: [
      ['src/domain/stockActor.ts', ''],
      ['test/Tidy.test.ts', ''],
      ['src/Domain/stock.ts', ''],
    ],
    good: [
      ['src/actors/worker-entry.ts', ''],
      ['test/a.long.ts', ''],
      ['README.md', ''],
    ],
  },
  'only config.ts reads the environment': {
    bad: [
      ['src/http/server.ts', 'const port = process.env.PORT'],
      ['src/http/server.ts', "const port = process['env']"],
      ['src/http/server.ts', "import { env } from 'node:process'"],
      ['src/http/server.ts', 'const { env } = process'],
    ],
    good: [
      ['src/config.ts', 'const port = process.env.PORT'],
      ['test/a.test.ts', 'process.env.CI'],
      ['src/http/server.ts', '// process.env is read by config.ts\nprocess.exitCode = 1'],
    ],
  },
  'time, timers and chance come through the seams': {
    bad: [
      ['src/actors/engine.ts', 'const now = Date.now()'],
      ['src/actors/engine.ts', 'const now = new Date()'],
      ['src/actors/engine.ts', 'const now = new Date'],
      ['src/actors/engine.ts', 'const now = Date()'],
      ['src/actors/engine.ts', 'const now = performance.now()'],
      ['src/actors/engine.ts', 'const now = process.hrtime.bigint()'],
      ['src/actors/engine.ts', 'const dice = Math.random()'],
      ['src/actors/engine.ts', 'setTimeout(tick, 5)'],
      ['src/actors/engine.ts', 'globalThis.setInterval(tick, 5)'],
      ['src/actors/engine.ts', "import { setTimeout as delay } from 'node:timers/promises'"],
      ['src/actors/engine.ts', 'fetch(url, { signal: AbortSignal.timeout(5) })'],
      ['src/actors/engine.ts', "import { randomBytes } from 'node:crypto'"],
      ['src/actors/engine.ts', 'const id = crypto.randomUUID()'],
    ],
    good: [
      ['src/seams.ts', 'const now = Date.now()'],
      [
        'src/actors/engine.ts',
        'const at = new Date(nowMs)\nclock.now()\ntimers.setTimeout(tick, 5)\nrandom.bytes(10)',
      ],
      ['src/actors/engine.ts', "const at = new Date('2026-01-01') // not Date.now()"],
      ['src/actors/engine.ts', "import { createHash } from 'node:crypto'"],
    ],
  },
  'the domain and the shard never suspend (S1)': {
    bad: [
      ['src/domain/decide.ts', 'await disk.sync()'],
      ['src/domain/decide.ts', 'const decide = async () => {}'],
      ['src/actors/shard.ts', 'function batch(): Promise<void> {}'],
    ],
    good: [
      ['src/actors/shard.ts', '// An await here would let a second command in.'],
      ['src/actors/engine.ts', 'await disk.sync()'],
    ],
  },
  'status numbers live in src/http': {
    bad: [
      ['src/shop/cart.ts', 'return { status: 404 }'],
      ['src/actors/engine.ts', 'throw new EngineError(503)'],
    ],
    good: [
      ['src/http/problems.ts', 'return { status: 404 }'],
      ['src/shop/cart.ts', 'const a = 500_000, b = 4040, c = 0.404, d = 450, e = x404 // 404'],
    ],
  },
  'no way around the types': {
    bad: [
      ['src/domain/ids.ts', 'const id: any = 1'],
      ['src/domain/ids.ts', 'const ids: Map<string, any> = new Map()'],
      ['src/domain/ids.ts', 'const id = 1 as any'],
      ['src/domain/ids.ts', 'const id = 1 as unknown as string'],
      ['src/domain/ids.ts', '// @ts-ignore\nconst id = 1'],
      ['src/domain/ids.ts', '/* @ts-expect-error */ const id = 1'],
    ],
    good: [
      ['src/domain/ids.ts', "const id = raw as Id // for any caller\nawait Promise.any([])\nconst s = 'any'"],
    ],
  },
  'nothing Node cannot strip': {
    bad: [
      ['src/domain/ids.ts', 'export enum Kind { A }'],
      ['src/domain/ids.ts', 'const enum Kind { A }'],
      ['src/domain/ids.ts', 'export namespace Ids {}'],
      ['test/a.test.ts', 'class A {\n  constructor(private readonly disk: Disk) {}\n}'],
    ],
    good: [
      ['src/domain/ids.ts', '// an enum Kind would not run\nclass A {\n  constructor(disk: Disk) {}\n}'],
    ],
  },
  'nothing left for later, no test alone': {
    bad: [
      ['src/domain/ids.ts', '// TODO: later'],
      ['bench/engine.ts', '/* FIXME */'],
      ['test/a.test.ts', "test.only('alone', () => {})"],
    ],
    good: [['src/domain/ids.ts', "const word = 'TODO'\n// Only the owner.only matters."]],
  },
  'test files use the wrapped suite': {
    bad: [['test/domain/a.test.ts', "import { suite } from 'uvu'"]],
    good: [
      ['test/domain/a.test.ts', "import * as assert from 'uvu/assert'"],
      ['test/support/suite.ts', "import { suite } from 'uvu'"],
    ],
  },
  'no file over 400 lines': {
    bad: [['src/domain/decide.ts', 'x\n'.repeat(401)]],
    good: [
      ['src/domain/decide.ts', 'x\n'.repeat(400)],
      ['test/a.test.ts', 'x\n'.repeat(500)],
    ],
  },
  'what the domain exports is documented': {
    bad: [
      ['src/domain/decide.ts', 'export function decide(): Decision {}'],
      ['src/domain/decide.ts', '// Not a docstring.\nexport function decide(): Decision {}'],
      ['src/domain/decide.ts', '/** Of the file. */\n\nexport function decide(): Decision {}'],
      ['src/domain/decide.ts', 'export class Stock {}'],
      ['src/domain/decide.ts', 'export type Decide = (stock: Stock, nowMs: number) => Decision'],
      ['src/domain/decide.ts', 'export const decide = (stock: Stock): Decision => {}'],
    ],
    good: [
      ['src/domain/decide.ts', '/** Answers one command. */\nexport function decide(): Decision {}'],
      ['src/domain/decide.ts', '/**\n * Answers.\n */\nexport const decide = () => {}'],
      [
        'src/domain/decide.ts',
        "export type Reason = ('a' | 'b')[]\nexport const MAX = (1 + 2) * 3\nfunction inner() {}",
      ],
      ['src/actors/engine.ts', 'export function route(): void {}'],
    ],
  },
  'no traces of registries or machines': {
    bad: [
      ['README.md', at('/wo', 'rk/main')],
      ['Dockerfile', at('COPY . /ro', 'ot')],
      ['src/a.ts', at("'/ho", "me/me/x'")],
      ['package-lock.json', at('https://registry', '.example', '.org/x.tgz')],
      ['package-lock.json', at('https://www.npm', 'js.com/package/x')],
    ],
    good: [['README.md', 'src/work/roots, ~/work, /workers, /rooted, registry.test.ts, the registry.']],
  },
}

const examples = suite('a rule can fail')

for (const { name, check } of RULES) {
  examples(name, () => {
    const { bad, good } = EXAMPLES[name] ?? { bad: [], good: [] }
    assert.ok(bad.length > 0, `the rule has no bad example`)
    for (const [path, text] of bad)
      assert.is.not(check(path, text).length, 0, `should refuse ${path}: ${text}`)
    for (const [path, text] of good) assert.equal(check(path, text), [], `should let pass ${path}: ${text}`)
  })
}

examples('links in Markdown lead somewhere', () => {
  const exists = (path: string) => path === 'docs/design.md' || path === 'README.md'
  const check = (text: string) => checkLinks('docs/start.md', text, exists)
  assert.equal(check('[a](design.md) [b](../README.md#top) [c](https://x.org) [d](#here) `[e](no.md)`'), [])
  assert.equal(check('```\n[a](no.md)\n```\n[b](no.md)'), ['line 4: no.md leads nowhere'])
  assert.is(check('[a]: no.md').length, 1)
  assert.is(check('![a](/design.md)').length, 1)
})

examples('a file is long before it is too long', () => {
  assert.ok(isLong('src/domain/decide.ts', 'x\n'.repeat(351)))
  assert.not(isLong('src/domain/decide.ts', 'x\n'.repeat(350)))
})

examples('comments, strings, templates and regular expressions are told apart', () => {
  const { code, comments } = readSource(`
    const a = \`x \${b ? \`y \${c}\` : {}} z\` // note \`
    const d = /['"\`/*]/.test(e) / 2 /* f */ + 'g // h'
    return /\`/.test(i) ? j : k`)
  assert.is(
    code.replace(/ +/g, ' '),
    `
 const a = \` \${b ? \` \${c}\` : {}} \`${' '}
 const d = / /.test(e) / 2 + ' '
 return / /.test(i) ? j : k`,
  )
  assert.is(comments.replace(/\s+/g, ' ').trim(), '// note ` /* f */')
})

examples.run()

const tree = suite('the tree is tidy')
const files = trackedTextFiles()

for (const { name, check } of RULES) {
  tree(name, () => {
    const wrong = files.flatMap(([path, text]) => check(path, text).map((what) => `${path} ${what}`))
    assert.is(wrong.length, 0, wrong.join('\n'))
  })
}

tree('links in Markdown lead somewhere', () => {
  const exists = (path: string) => existsSync(join(ROOT, path))
  const wrong = files.flatMap(([path, text]) =>
    checkLinks(path, text, exists).map((what) => `${path} ${what}`),
  )
  assert.is(wrong.length, 0, wrong.join('\n'))
})

tree('long files are worth a look', () => {
  for (const [path, text] of files) if (isLong(path, text)) note(`${path} has over 350 lines: two nouns?`)
})

tree.run()

/** Everything that is or could be committed; outside a checkout, everything that is not generated. */
function trackedTextFiles(): Snippet[] {
  const paths = existsSync(join(ROOT, '.git')) ? pathsFromGit() : pathsFromDisk()
  return paths
    .filter((path) => existsSync(join(ROOT, path)))
    .map((path) => [path, readFileSync(join(ROOT, path), 'utf8')] as const)
    .filter(([, text]) => !text.slice(0, 8_000).includes('\0'))
}

function pathsFromGit(): string[] {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).split('\0').filter(Boolean)
}

function pathsFromDisk(): string[] {
  const generated = ['node_modules', 'data', 'coverage', '.git']
  const entries = globSync('**', {
    cwd: ROOT,
    withFileTypes: true,
    exclude: (entry) => generated.includes(entry.name),
  })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
}
