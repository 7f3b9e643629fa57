/** The pages where a problem's `type` leads: what it means and what to do about it. */
import { escapeHtml, htmlPage, proseHtml } from './html.ts'
import { PROBLEMS, type ProblemCode } from './problems.ts'

export function problemPage(code: ProblemCode): string {
  const { status, title, help } = PROBLEMS[code]
  return htmlPage(
    title,
    `<p><a href="/problems">All problems</a> · <a href="/docs">API</a></p>
<h1>${escapeHtml(title)}</h1>
<p><code>${code}</code>, answered with status ${status}.</p>
<p>${proseHtml(help)}</p>`,
  )
}

export function problemsPage(): string {
  const rows = Object.entries(PROBLEMS).map(
    ([code, { status, title, help }]) =>
      `<tr id="${code}"><td>${status}</td><td><a href="/problems/${code}"><code>${code}</code></a></td><td><strong>${escapeHtml(title)}.</strong> ${proseHtml(help)}</td></tr>`,
  )
  return htmlPage(
    'Problems',
    `<p><a href="/docs">API</a></p>
<h1>Problems</h1>
<p>Errors are RFC 9457 <code>application/problem+json</code>. <code>code</code> is stable; <code>detail</code> is for people and may change.</p>
<table><thead><tr><th>Status</th><th>Code</th><th>Meaning</th></tr></thead><tbody>
${rows.join('\n')}
</tbody></table>`,
  )
}
