/** `/docs`: the API as one page to read, written from its OpenAPI document. Nothing to load, no script. */
import type { oas32 } from 'zod-openapi'
import { escapeHtml, htmlPage, PAGE_POLICY, proseHtml } from './html.ts'
import { type OpenApiDocument, problemsOf, roleOf } from './openapi.ts'
import { PROBLEMS } from './problems.ts'
import type { Operation } from './route.ts'

type Schema = oas32.SchemaObject | oas32.ReferenceObject

export const DOCS_POLICY = PAGE_POLICY

export function docsPage(operations: readonly Operation[], document: OpenApiDocument): string {
  const byTag = [...Map.groupBy(operations, (operation) => operation.tag)]
  const contents = byTag.map(
    ([tag, each]) => `<strong>${tag}</strong><ul>${each.map(linkHtml).join('')}</ul>`,
  )
  const sections = byTag.map(([tag, each]) => `<h2>${tag}</h2>\n${each.map(operationHtml).join('\n')}`)
  const schemas = Object.entries(document.components?.schemas ?? {})
  const introduction = (document.info.description ?? '')
    .split('\n\n')
    .map((text) => `<p>${proseHtml(text)}</p>`)
  return htmlPage(
    `${document.info.title} API`,
    `<h1>${escapeHtml(document.info.title)} API <span class="soft">${escapeHtml(document.info.version)}</span></h1>
${introduction.join('\n')}
<p>For machines: <a href="/openapi.json">/openapi.json</a>. What can go wrong: <a href="/problems">/problems</a>.</p>
<nav>${contents.join('\n')}</nav>
${sections.join('\n')}
<h2>Schemas</h2>
${schemas.map(([name, schema]) => schemaHtml(name, schema)).join('\n')}`,
  )
}

function linkHtml({ operationId, method, path }: Operation): string {
  return `<li><a href="#${operationId}"><span class="method">${method}</span>${escapeHtml(path)}</a></li>`
}

function operationHtml(operation: Operation): string {
  const { operationId, method, path, summary, description, query, body, upload, success } = operation
  const problems = problemsOf(operation).map((code) => {
    return `<a href="/problems/${code}"><code>${code}</code></a> <span class="soft">${PROBLEMS[code].status}</span>`
  })
  const parts = [
    `<h3><span class="method">${method}</span><code>${escapeHtml(path)}</code></h3>`,
    `<p><strong>${proseHtml(summary)}.</strong> ${proseHtml(description ?? '')} <span class="soft">${roleOf(operation)}</span></p>`,
  ]
  if (query !== undefined)
    parts.push(`<p>Query: <code>?${escapeHtml(new URLSearchParams(query.example).toString())}</code></p>`)
  if (body !== undefined)
    parts.push(
      `<p>Body${body.optional === true ? ', which may be left out' : ''}:</p>`,
      exampleHtml(body.example),
    )
  if (upload !== undefined) {
    parts.push(`<p>Body: ${upload.contentTypes.map((type) => `<code>${type}</code>`).join(' or ')}</p>`)
    if (upload.example !== undefined) parts.push(exampleHtml(upload.example))
  }
  parts.push(`<p>Answers ${success.status}: ${proseHtml(success.description)}</p>`)
  if (success.example !== undefined) parts.push(exampleHtml(success.example))
  parts.push(`<p class="soft">Or ${problems.join(', ')}.</p>`)
  return `<section id="${operationId}">${parts.join('\n')}</section>`
}

function exampleHtml(example: unknown): string {
  const text = typeof example === 'string' ? example : JSON.stringify(example, undefined, 2)
  return `<pre>${escapeHtml(text)}</pre>`
}

function schemaHtml(name: string, schema: Schema): string {
  const heading = `<h3>${escapeHtml(name)}</h3>`
  if (typeof schema === 'boolean' || '$ref' in schema) {
    return `<section id="schema-${name}">${heading}${typeHtml(schema)}</section>`
  }
  const required = new Set(schema.required ?? [])
  const rows = Object.entries(schema.properties ?? {}).map(([field, of]) => {
    const description = typeof of === 'boolean' ? '' : (of.description ?? '')
    const need = required.has(field) ? '' : ' <span class="soft">optional</span>'
    return `<tr><td><code>${escapeHtml(field)}</code>${need}</td><td>${typeHtml(of)}</td><td>${proseHtml(description)}</td></tr>`
  })
  const table =
    rows.length === 0 ? `<p>${typeHtml(schema)}</p>` : `<table><tbody>${rows.join('')}</tbody></table>`
  return `<section id="schema-${name}">${heading}<p>${proseHtml(schema.description ?? '')}</p>${table}</section>`
}

/** A type in few words, with its bounds. */
function typeHtml(schema: Schema): string {
  if (typeof schema === 'boolean') return 'any'
  if ('$ref' in schema) {
    const name = String(schema.$ref).replace('#/components/schemas/', '')
    return `<a href="#schema-${name}">${escapeHtml(name)}</a>`
  }
  const { type, enum: values, items, minimum, maximum, minLength, maxLength, pattern, allOf, anyOf } = schema
  if (values !== undefined)
    return values.map((value) => `<code>${escapeHtml(String(value))}</code>`).join(' or ')
  if (items !== undefined) return `list of ${typeHtml(items)}`
  const [only] = allOf ?? []
  if (only !== undefined) return typeHtml(only)
  if (anyOf !== undefined) return anyOf.map(typeHtml).join(' or ')
  const bounds = [
    minimum === undefined && maximum === undefined ? '' : `${minimum ?? '…'} to ${maximum ?? '…'}`,
    minLength === undefined && maxLength === undefined
      ? ''
      : `${minLength ?? 0} to ${maxLength ?? '…'} characters`,
    pattern === undefined ? '' : `<code>${escapeHtml(pattern)}</code>`,
  ].filter((text) => text !== '')
  return [String(type ?? 'any'), ...bounds].join(', ')
}
