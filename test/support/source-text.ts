/**
 * Just enough of TypeScript's lexical grammar to tell code, comments and the inside of strings apart. Each
 * view has the length and the lines of the text, with everything else blanked.
 */
export type SourceText = {
  /** Without comments and without what stands between quotes; the quotes stay. */
  readonly code: string
  /** Without comments. */
  readonly codeAndStrings: string
  readonly comments: string
  /** Literals, with their slashes and flags. */
  readonly regularExpressions: readonly string[]
}

const COMMENT = /\/\/.*|\/\*[\s\S]*?(?:\*\/|$)/y
const QUOTED = /'(?:\\[\s\S]|[^'\\\n])*'?|"(?:\\[\s\S]|[^"\\\n])*"?/y
/** From a backtick or a closing brace to the next backtick or `${`. */
const TEMPLATE_PART = /[`}](?:\\[\s\S]|\$(?!\{)|[^`\\$])*(?:`|\$\{|$)/y
const REGEX = /\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y
/** Where one of the four can start, or braces that have to be counted to find a template's end. */
const NEXT = /['"`/{}]/g
/** What a slash after it divides; anywhere else a slash begins a regular expression. */
const OPERAND_BEFORE = /(?:[\w$)\]'"`]|\+\+|--)\s*$/
const KEYWORD_BEFORE = /\b(?:return|typeof|case|in|of|await|yield|void|throw|else|do)\s*$/

export function readSource(text: string): SourceText {
  const strings: Range[] = []
  const comments: Range[] = []
  const regularExpressions: string[] = []
  /** Braces open inside each `${` that is open, the innermost last. */
  const templates: number[] = []
  let at = 0

  const take = (token: RegExp): string | undefined => {
    token.lastIndex = at
    return token.exec(text)?.[0]
  }
  const takeTemplatePart = (): void => {
    const part = take(TEMPLATE_PART) ?? ''
    strings.push([at + 1, at + Math.max(1, part.length - (part.endsWith('${') ? 2 : 1))])
    if (part.endsWith('${')) templates.push(0)
    at += part.length
  }

  for (;;) {
    NEXT.lastIndex = at
    const found = NEXT.exec(text)
    if (found === null) break
    at = found.index
    const open = templates.at(-1)
    if (found[0] === '`') takeTemplatePart()
    else if (found[0] === '}' && open === 0) {
      templates.pop()
      takeTemplatePart()
    } else if (found[0] === '{' || found[0] === '}') {
      if (open !== undefined) templates[templates.length - 1] = open + (found[0] === '{' ? 1 : -1)
      at++
    } else if (found[0] === '/') {
      const comment = take(COMMENT)
      const regex =
        comment === undefined && startsRegex(text.slice(Math.max(0, at - 40), at)) ? take(REGEX) : undefined
      if (comment !== undefined) comments.push([at, at + comment.length])
      if (regex !== undefined) regularExpressions.push(regex)
      if (regex !== undefined) strings.push([at + 1, at + regex.lastIndexOf('/')])
      at += (comment ?? regex ?? '/').length
    } else {
      const quoted = take(QUOTED) ?? found[0]
      strings.push([at + 1, at + quoted.length - 1])
      at += quoted.length
    }
  }

  const codeAndStrings = blank(text, comments)
  return {
    code: blank(codeAndStrings, strings),
    codeAndStrings,
    comments: blank(text, between(comments, text.length)),
    regularExpressions,
  }
}

type Range = readonly [from: number, to: number]

function blank(text: string, ranges: readonly Range[]): string {
  let result = ''
  let end = 0
  for (const [from, to] of ranges) {
    result += text.slice(end, from) + text.slice(from, to).replace(/[^\n]/g, ' ')
    end = Math.max(from, to)
  }
  return result + text.slice(end)
}

function between(ranges: readonly Range[], length: number): Range[] {
  const starts = [0, ...ranges.map(([, to]) => to)]
  const ends = [...ranges.map(([from]) => from), length]
  return starts.map((start, index) => [start, ends[index] ?? length])
}

function startsRegex(before: string): boolean {
  return !OPERAND_BEFORE.test(before) || KEYWORD_BEFORE.test(before)
}
