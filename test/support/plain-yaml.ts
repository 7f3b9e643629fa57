/**
 * As much of YAML as compose.yaml uses: maps and lists in blocks and in flow, plain and quoted scalars, comments, anchors,
 * aliases and merges. Whatever else it meets it refuses rather than guesses.
 */
export type Yaml = string | null | readonly Yaml[] | YamlMap
export type YamlMap = { readonly [key: string]: Yaml }

type Line = { readonly indent: number; readonly text: string; readonly number: number }

export function parseYaml(text: string): Yaml {
  return new Parser(text).document()
}

class Parser {
  readonly #lines: readonly Line[]
  readonly #anchors = new Map<string, Yaml>()
  #at = 0

  constructor(text: string) {
    this.#lines = text.split('\n').flatMap((raw, index) => {
      const stripped = withoutComment(raw).trimEnd()
      const content = stripped.trimStart()
      if (content === '') return []
      return [{ indent: stripped.length - content.length, text: content, number: index + 1 }]
    })
  }

  document(): Yaml {
    const value = this.#block(0)
    const left = this.#lines[this.#at]
    if (left !== undefined) throw new Error(`line ${left.number} belongs nowhere: ${left.text}`)
    return value
  }

  #block(indent: number): Yaml {
    const first = this.#lines[this.#at]
    if (first === undefined || first.indent < indent) return null
    return first.text.startsWith('- ') ? this.#list(first.indent) : this.#map(first.indent)
  }

  #list(indent: number): readonly Yaml[] {
    const values: Yaml[] = []
    for (let line = this.#line(indent); line?.text.startsWith('- '); line = this.#line(indent)) {
      this.#at++
      values.push(this.#inline(line.text.slice(2).trim(), line))
    }
    return values
  }

  #map(indent: number): YamlMap {
    const map: Record<string, Yaml> = {}
    for (let line = this.#line(indent); line !== undefined; line = this.#line(indent)) {
      const found = /^([\w<-]+):(?:\s+(.*))?$/.exec(line.text)
      if (found === null) throw new Error(`line ${line.number} is no entry of a map: ${line.text}`)
      this.#at++
      const [, key = '', rest = ''] = found
      const anchor = /^&(\S+)\s*(.*)$/.exec(rest)
      const text = anchor?.[2] ?? rest
      const value = text === '' ? this.#block(indent + 1) : this.#inline(text, line)
      if (anchor !== null) this.#anchors.set(anchor[1] as string, value)
      put(map, key, value, line)
    }
    return map
  }

  #line(indent: number): Line | undefined {
    const line = this.#lines[this.#at]
    if (line === undefined || line.indent < indent) return undefined
    if (line.indent > indent) throw new Error(`line ${line.number} is indented too far: ${line.text}`)
    return line
  }

  #inline(text: string, line: Line): Yaml {
    const reader = new FlowReader(text, line, this.#anchors)
    return /^[[{'"*]/.test(text) ? reader.whole() : text
  }
}

/** What stands on one line: `{ a: b, c: [d, 'e'] }`. */
class FlowReader {
  readonly #text: string
  readonly #line: Line
  readonly #anchors: ReadonlyMap<string, Yaml>
  #at = 0

  constructor(text: string, line: Line, anchors: ReadonlyMap<string, Yaml>) {
    this.#text = text
    this.#line = line
    this.#anchors = anchors
  }

  whole(): Yaml {
    const value = this.#value()
    if (this.#at !== this.#text.length) throw this.#wrong()
    return value
  }

  #value(): Yaml {
    const next = this.#text[this.#at]
    if (next === '[') return this.#items(']', () => this.#value())
    if (next === '{') {
      const map: Record<string, Yaml> = {}
      this.#items('}', () => {
        const key = this.#take(/[\w<-]+/y)
        this.#take(/:\s*/y)
        put(map, key, this.#value(), this.#line)
        return null
      })
      return map
    }
    if (next === "'") return this.#take(/'[^']*'/y).slice(1, -1)
    if (next === '"') return this.#take(/"[^"\\]*"/y).slice(1, -1)
    if (next === '*') {
      const name = this.#take(/\*[\w-]+/y).slice(1)
      const value = this.#anchors.get(name)
      if (value === undefined) throw new Error(`line ${this.#line.number}: nothing is anchored as ${name}`)
      return value
    }
    return this.#take(/[^,\]}]+/y).trim()
  }

  #items(end: string, item: () => Yaml): readonly Yaml[] {
    const items: Yaml[] = []
    this.#at++
    this.#take(/\s*/y)
    while (this.#text[this.#at] !== end) {
      items.push(item())
      this.#take(/\s*,?\s*/y)
    }
    this.#at++
    return items
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (found === null) throw this.#wrong()
    this.#at = pattern.lastIndex
    return found[0]
  }

  #wrong(): Error {
    return new Error(`line ${this.#line.number} cannot be read from "${this.#text.slice(this.#at)}" on`)
  }
}

function put(map: Record<string, Yaml>, key: string, value: Yaml, line: Line): void {
  if (key !== '<<') {
    map[key] = value
    return
  }
  if (value === null || typeof value === 'string' || Array.isArray(value))
    throw new Error(`line ${line.number}: only a map can be merged`)
  // What stands in the map itself wins, wherever the merge stands.
  Object.assign(map, { ...value, ...map })
}

/** A hash sign begins a comment at the start or behind a space, and not within quotes. */
function withoutComment(raw: string): string {
  const found = /^(?:[^'"#]|'[^']*'|"[^"]*"|(?<=\S)#)*/.exec(raw)
  return found?.[0] ?? raw
}
