/**
 * What STYLE asks of the source and a machine can check. Each rule is a pure function over a file's path and
 * text that answers what is wrong, so `tidy.test.ts` can try it on a bad snippet as well as on the tree.
 * Where a rule has exceptions they are in a table, each with its reason.
 */
import { posix } from 'node:path'
import { readSource } from './source-text.ts'

export type Rule = {
  readonly name: string
  readonly check: (path: string, text: string) => string[]
}

/** Which folders of `src` a folder may import, beside itself and the leaves. */
const REACH: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  persistence: ['domain'],
  actors: ['persistence', 'domain'],
  cluster: ['actors', 'persistence', 'domain'],
  search: ['actors', 'persistence', 'domain'],
  history: ['persistence', 'domain'],
  events: ['persistence', 'domain'],
  shop: ['actors', 'persistence', 'domain'],
  http: ['shop', 'search', 'history', 'events', 'cluster', 'actors', 'persistence', 'domain'],
}

/** Single files anyone but the domain may import. They know nothing but each other and the domain's words. */
const LEAVES = [
  'limits',
  'seams',
  'pause',
  'kept-thread',
  'linked-thread',
  'node-questions',
  'thread-calls',
  'crash-points',
  'log',
  'version',
  'setting',
  'ip-address',
  'redis-url',
  'edit-distance',
]

/** The clock, timers and chance of the machine, which everything else is given through the seams. */
const AMBIENT: readonly (readonly [what: string, pattern: RegExp])[] = [
  [
    'the wall clock',
    /\bDate\.now\b|\bnew\s+Date\b(?!\s*\(\s*[^\s)])|(?<![.\w]|new\s)Date\s*\(|\bTemporal\.Now\b/g,
  ],
  ['the monotonic clock', /\bperformance\s*\.\s*(?:now|timeOrigin)\b|\bprocess\s*\.\s*hrtime\b/g],
  ['timers', /(?<![.\w]|globalThis\.)(?:globalThis\.)?set(?:Timeout|Interval)\b|\bAbortSignal\.timeout\b/g],
  ['timers', /['"](?:node:)?timers(?:\/promises)?['"]/g],
  [
    'chance',
    /\bMath\.random\b|(?<!\.)\b(?:crypto\.)?(?:random(?:Bytes|UUID|Int|Fill|FillSync)|getRandomValues)\b/g,
  ],
]

const AMBIENT_ALLOWED: Readonly<Record<string, string>> = {
  'src/seams.ts': 'holds the real implementations of Clock, Timers and Random',
  'src/http/server.ts': 'time-outs of sockets guard against peers, and no rule depends on them',
}

const STATUS_ALLOWED: Readonly<Record<string, string>> = {
  'src/persistence/s3/s3-reply.ts': 'reads what a store answered',
  'src/search/typesense/failures.ts': 'reads what a server answered',
  'src/search/typesense/import-lines.ts': 'reads what a server answered of each document',
  'src/shop/notifications/smtp-mailer.ts': 'reads what mail servers answered',
  'src/shop/webhooks/delivery-verdict.ts': 'reads what others’ servers answered',
  'src/limits.ts': 'its numbers are bounds with units',
}

/** Status numbers the API or its clients use; other numbers of three digits are just numbers. */
const STATUS = /(?<![\w.])(?:4(?:0[0-9]|1[0-8]|2[1-689]|31|51)|5(?:0[0-8]|1[01]))(?![\w.])/g

const MACHINE_PATH = /(?<![\w.~-])\/(?:work|root)(?![\w-])|(?<![\w.~-])\/(?:home|Users)(?=\/)/g
const REGISTRY_HOST = /\bregistry\.[\w-]+\.[a-z]{2,}\b(?<!\.ts)|\bnpmjs\.(?:org|com)\b/gi

export const RULES: readonly Rule[] = [
  { name: 'imports point one way', check: forSource('src/', checkImports) },
  { name: 'no barrels, no drawers', check: checkFolders },
  { name: 'file names are kebab-case', check: checkFileName },
  { name: 'only config.ts reads the environment', check: forSource('src/', checkEnvironment) },
  { name: 'time, timers and chance come through the seams', check: forSource('src/', checkAmbient) },
  { name: 'the domain and the shard never suspend (S1)', check: forSource('src/', checkSuspension) },
  { name: 'status numbers live in src/http', check: forSource('src/', checkStatusNumbers) },
  { name: 'no way around the types', check: forSource('src/', checkTypeEscapes) },
  { name: 'nothing Node cannot strip', check: forSource('', checkUnstrippable) },
  { name: 'nothing left for later, no test alone', check: forSource('', checkLeftovers) },
  { name: 'test files use the wrapped suite', check: forSource('test/', checkUvuImport) },
  { name: 'no file over 400 lines', check: forSource('src/', checkLength) },
  { name: 'what the domain exports is documented', check: forSource('src/domain/', checkDocstrings) },
  { name: 'no traces of registries or machines', check: checkTraces },
]

/** Files that are allowed and still worth splitting. */
export function isLong(path: string, text: string): boolean {
  return path.startsWith('src/') && path.endsWith('.ts') && lineCount(text) > 350
}

/** Relative links of a Markdown file that lead nowhere; `exists` is asked with paths from the root. */
export function checkLinks(path: string, text: string, exists: (path: string) => boolean): string[] {
  if (!path.endsWith('.md')) return []
  const prose = text.replace(/^(```|~~~)[\s\S]*?^\1/gm, blankLines).replace(/`[^`\n]*`/g, blankLines)
  return find(prose, /\]\(\s*<?([^)\s>]+)|^\s*\[[^\]]+\]:\s*(\S+)/gm, (match) => {
    const link = match[1] ?? match[2] ?? ''
    if (/^(?:[a-z][a-z0-9+.-]*:|#)/i.test(link)) return undefined
    const target = posix.join(posix.dirname(path), decodeURI(link.replace(/[#?].*$/, '')))
    return !link.startsWith('/') && exists(target) ? undefined : `${link} leads nowhere`
  })
}

function checkImports(path: string, text: string): string[] {
  const from = unitOf(path)
  if (from === 'main' || from === 'cli') return []
  return importsOf(text).flatMap(({ line, specifier, typeOnly }) => {
    const wrong = whyNotImport(path, from, specifier, typeOnly)
    return wrong === undefined ? [] : [`line ${line}: ${wrong}`]
  })
}

function whyNotImport(path: string, from: string, specifier: string, typeOnly: boolean): string | undefined {
  if (!specifier.startsWith('.')) {
    return from === 'domain' ? `the domain imports nothing outside itself, and here ${specifier}` : undefined
  }
  const target = posix.join(posix.dirname(path), specifier)
  if (target === 'package.json' && path === 'src/version.ts') return undefined
  if (!target.startsWith('src/')) return `${specifier} is outside src`
  const to = unitOf(target)
  const isLeaf = LEAVES.includes(to) || (to === 'config' && (typeOnly || from === 'config'))
  if (from === to || (isLeaf && from !== 'domain')) return undefined
  const reach = LEAVES.includes(from) || from === 'config' ? ['domain'] : REACH[from]
  if (reach === undefined) return `${from} has no place in the layout: name it in tidy-rules.ts`
  if (to === 'config' && from !== 'domain') return 'config.ts gives its types to all, its values to main only'
  return reach.includes(to) ? undefined : `${from} must not import ${to} (${specifier})`
}

type Import = { readonly line: number; readonly specifier: string; readonly typeOnly: boolean }

function importsOf(text: string): Import[] {
  const { code, codeAndStrings: source } = readSource(text)
  const clause = String.raw`(type\s+)?(\{[^}]*\}|\*(?:\s*as\s+\w+)?|\w+(?:\s*,\s*(?:\{[^}]*\}|\*\s*as\s+\w+))?)`
  const patterns = [
    new RegExp(String.raw`\b(?:import|export)\s+${clause}\s*from\s*['"]([^'"\n]+)['"]`, 'g'),
    /\bimport\s*()()\(?\s*['"]([^'"\n]+)['"]/g,
    // Workers are started by URL, which loads a file as much as an import does.
    /\bnew\s+URL\(\s*()()['"](\.[^'"\n]+)['"]\s*,\s*import\.meta\.url/g,
  ]
  return patterns.flatMap((pattern) =>
    [...source.matchAll(pattern)]
      .filter(({ index }) => /\w/.test(code[index] ?? '')) // An import inside a string is none.
      .map(({ index, 1: type, 2: names = '', 3: specifier = '' }) => {
        const typeOnly = type !== undefined && type !== ''
        return { line: lineAt(source, index), specifier, typeOnly: typeOnly || hasOnlyTypes(names) }
      }),
  )
}

/** `{ type A, type B }` */
function hasOnlyTypes(names: string): boolean {
  const each = names
    .replace(/[{}]/g, '')
    .split(',')
    .filter((name) => name.trim() !== '')
  return names.startsWith('{') && each.every((name) => /^\s*type\s/.test(name))
}

function checkFolders(path: string): string[] {
  if (!/^(?:src|bench|test)\//.test(path)) return []
  const drawer = path.split('/').find((part) => /^(?:utils?|common)(?:\.ts)?$/.test(part))
  if (drawer !== undefined) return [`${drawer} says nothing about what is in it`]
  return /(?:^|\/)index\.[jt]s$/.test(path) ? ['a barrel loads everything for everyone'] : []
}

function checkFileName(path: string): string[] {
  if (!/^(?:src|bench|test)\//.test(path)) return []
  const kebab = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+)*$/
  return path.split('/').every((part) => kebab.test(part)) ? [] : ['not kebab-case']
}

function checkEnvironment(path: string, text: string): string[] {
  if (path === 'src/config.ts') return []
  const { code, codeAndStrings } = readSource(text)
  return [
    ...find(code, /\bprocess\s*(?:\?\.|\.)\s*env\b|\bprocess\s*\[/g),
    ...find(codeAndStrings, /\{[^}]*\benv\b[^}]*\}\s*(?:from\s*['"](?:node:)?process['"]|=\s*process\b)/g),
  ]
}

function checkAmbient(path: string, text: string): string[] {
  if (path in AMBIENT_ALLOWED) return []
  const { code, codeAndStrings } = readSource(text)
  return AMBIENT.flatMap(([what, pattern]) => {
    const view = pattern.source.startsWith("['") ? codeAndStrings : code
    return find(view, pattern, (match) => `${match[0]} is ${what} itself; take it from the seams`)
  })
}

function checkSuspension(path: string, text: string): string[] {
  if (!path.startsWith('src/domain/') && path !== 'src/actors/shard.ts') return []
  return find(readSource(text).code, /\bawait\b|\basync\b|\bPromise\b/g)
}

function checkStatusNumbers(path: string, text: string): string[] {
  if (path.startsWith('src/http/') || path in STATUS_ALLOWED) return []
  return find(readSource(text).code, STATUS)
}

function checkTypeEscapes(_path: string, text: string): string[] {
  const { code, comments } = readSource(text)
  return [
    ...find(code, /(?<![.\w])any\b(?!\s*\()|\bas\s+unknown\s+as\b/g),
    ...find(comments, /@ts-(?:ignore|nocheck|expect-error)/g),
  ]
}

function checkUnstrippable(_path: string, text: string): string[] {
  return find(
    readSource(text).code,
    /^[ \t]*(?:export\s+)?(?:declare\s+)?(?:const\s+)?enum\s+\w+|^[ \t]*(?:export\s+)?(?:namespace|module)\s+\w+|\bconstructor\s*\((?:[^{)]*,)?\s*(?:public|private|protected|readonly)\s/gm,
  )
}

function checkLeftovers(path: string, text: string): string[] {
  const { code, comments } = readSource(text)
  const alone = path.startsWith('test/support/fixtures/') ? [] : find(code, /\.only\s*\(/g)
  return [...find(comments, /\b(?:TODO|FIXME|XXX)\b/g), ...alone]
}

function checkUvuImport(path: string, text: string): string[] {
  if (path.startsWith('test/support/')) return []
  return importsOf(text).flatMap(({ line, specifier }) => (specifier === 'uvu' ? [`line ${line}: uvu`] : []))
}

function checkLength(_path: string, text: string): string[] {
  const count = lineCount(text)
  return count > 400 ? [`${count} lines`] : []
}

function checkDocstrings(_path: string, text: string): string[] {
  const { code } = readSource(text)
  const exported =
    /^export (?:(?:async )?function\*? *\w+|(?:abstract )?class \w+|(?:type|const) \w+[^=\n]*=\s*(?:async )?(?:<[^\n]*?>)?(\())/gm
  return find(code, exported, (match) => {
    const isFunction = match[1] === undefined || isArrowAt(code, match.index + match[0].length - 1)
    const documented = /\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n$/.test(text.slice(0, match.index))
    return isFunction && !documented ? `${match[0].replace(/\s*[=(].*$/s, '')} has no docstring` : undefined
  })
}

/** Whether the parentheses that open here are the parameters of an arrow function or of its type. */
function isArrowAt(code: string, open: number): boolean {
  let depth = 0
  for (let at = open; at < code.length; at++) {
    if (code[at] === '(') depth++
    if (code[at] === ')' && --depth === 0) return /^\s*(?::[^\n]*?)?=>/.test(code.slice(at + 1))
  }
  return false
}

function checkTraces(_path: string, text: string): string[] {
  return [...find(text, MACHINE_PATH), ...find(text, REGISTRY_HOST)]
}

function forSource(folder: string, check: Rule['check']): Rule['check'] {
  return (path, text) => (path.startsWith(folder) && path.endsWith('.ts') ? check(path, text) : [])
}

/** `src/domain/money.ts` belongs to `domain`, `src/limits.ts` is `limits`. */
function unitOf(path: string): string {
  return (path.split('/')[1] ?? '').replace(/\.ts$/, '')
}

/** One line of report for each match that `say` does not wave through. */
function find(
  text: string,
  pattern: RegExp,
  say: (match: RegExpExecArray) => string | undefined = (match) => match[0].trim(),
): string[] {
  return [...text.matchAll(pattern)].flatMap((match) => {
    const said = say(match)
    return said === undefined ? [] : [`line ${lineAt(text, match.index)}: ${said}`]
  })
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

function lineCount(text: string): number {
  return text.replace(/\n$/, '').split('\n').length
}

function blankLines(text: string): string {
  return text.replace(/[^\n]/g, ' ')
}
