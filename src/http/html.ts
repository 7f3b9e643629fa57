/** The little HTML this server writes: one frame with one style for all pages, and nothing fetched from anywhere. */
import { hash } from 'node:crypto'

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8881 }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem 1.25rem 4rem }
h1 { line-height: 1.2 } h2 { margin-top: 3rem } h3 { margin: 0 }
a { color: inherit } nav { columns: 18rem; font-size: .9rem } nav ul { margin: 0 0 1rem; padding-left: 1rem }
code, pre { font: .9em/1.45 ui-monospace, monospace }
pre { background: var(--soft); padding: .75rem; overflow-x: auto; border-radius: 4px }
section { border-top: 1px solid var(--line); padding: 1.25rem 0 }
table { border-collapse: collapse; width: 100%; font-size: .95rem } td, th { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line) }
.method { font-weight: 700; text-transform: uppercase; margin-right: .5rem } .soft { opacity: .75 }
`

/** Allows nothing but this very style. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${hash('sha256', STYLE, 'base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

/** A whole page; `body` is HTML already. */
export function htmlPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title><style>${STYLE}</style></head>
<body>
${body}
</body>
</html>
`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character)
}

/** Escaped, with what stands between backticks as code. */
export function proseHtml(text: string): string {
  return escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>')
}
