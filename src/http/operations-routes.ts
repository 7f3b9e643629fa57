/** What runs and watches this server: liveness, readiness, metrics, the API's own description and its problems. */
import { z } from 'zod'
import { asyncApiDocument } from '../events/async-api.ts'
import { reaches, unauthenticated } from './auth.ts'
import { DOCS_POLICY, docsPage } from './docs-page.ts'
import { openApiDocument } from './openapi.ts'
import type { HttpParts } from './parts.ts'
import { problemPage, problemsPage } from './problem-pages.ts'
import { isProblemCode, PROBLEMS, Problem } from './problems.ts'
import { json, jsonText, retryAfter, text } from './responses.ts'
import { type Call, headerOf, type Operation, type Route } from './route.ts'
import { livenessReply, readinessReply } from './schemas.ts'

type Parts = Pick<HttpParts, 'status' | 'metricsPublic' | 'random' | 'version'>

const HTML = 'text/html; charset=utf-8'
/** May be kept, but not used again without asking: it changes with each release. */
const REVALIDATE = { 'cache-control': 'no-cache' }
const READY_AGAIN_SECONDS = 1

/** `documented` are all other routes, which `/openapi.json` and `/docs` describe beside these. */
export function operationsRoutes(parts: Parts, documented: readonly Operation[]): readonly Route[] {
  const description = describe(parts, [...documented, ...OPERATIONS])
  let described: string | undefined
  const events = () => (described ??= JSON.stringify(asyncApiDocument(parts.version)))
  return [
    { operation: LIVEZ, handle: (call) => json(call, 200, { live: true }) },
    { operation: READYZ, handle: (call) => readiness(parts, call) },
    { operation: METRICS, handle: (call) => metrics(parts, call) },
    { operation: OPENAPI, handle: (call) => jsonText(call, 200, description().json, REVALIDATE) },
    { operation: ASYNCAPI, handle: (call) => jsonText(call, 200, events(), REVALIDATE) },
    { operation: DOCS, handle: (call) => page(call, description().page) },
    { operation: PROBLEMS_LIST, handle: problemsList },
    { operation: PROBLEM, handle: problemExplained },
  ]
}

/** Made when first asked for, as that takes some fifty milliseconds and most listeners never are; then kept. */
function describe({ version }: Parts, operations: readonly Operation[]) {
  let made: { readonly json: string; readonly page: string } | undefined
  return () => {
    if (made === undefined) {
      const document = openApiDocument(operations, version)
      made = { json: JSON.stringify(document), page: docsPage(operations, document) }
    }
    return made
  }
}

const LIVEZ: Operation = {
  method: 'get',
  path: '/livez',
  operationId: 'readLiveness',
  tag: 'Operations',
  summary: 'Whether the process answers',
  access: 'anyone',
  hot: true,
  unlimited: true,
  success: { status: 200, description: 'It does.', schema: livenessReply, example: { live: true } },
  problems: [],
}

const READYZ: Operation = {
  method: 'get',
  path: '/readyz',
  operationId: 'readReadiness',
  tag: 'Operations',
  summary: 'Whether to send requests here',
  description:
    'Answers 503 with the same body while one should not. With a service key it says which parts are not ready, and why. A journal without room is such a part, and no reason to send requests elsewhere.',
  access: 'anyone',
  hot: true,
  unlimited: true,
  success: { status: 200, description: 'All are.', schema: readinessReply, example: { ready: true } },
  unready: {
    status: 503,
    description: 'Some part is not.',
    schema: readinessReply,
    example: { ready: false },
  },
  problems: [],
}

function readiness({ status, random }: Parts, call: Call): Response {
  const { ready, parts } = status.readiness()
  const body = reaches(call.principal, 'service') ? { ready, parts } : { ready }
  if (ready) return json(call, 200, body)
  return json(call, 503, body, { 'retry-after': retryAfter(READY_AGAIN_SECONDS, random) })
}

const METRICS: Operation = {
  method: 'get',
  path: '/metrics',
  operationId: 'readMetrics',
  tag: 'Operations',
  summary: 'Metrics in Prometheus’ text format',
  description: 'Needs a service key, unless the server runs with `METRICS_PUBLIC=true`.',
  access: 'anyone',
  success: {
    status: 200,
    description: 'All metrics of this process.',
    schema: z.string(),
    contentType: 'text/plain',
    example: 'holdfast_http_requests_total{route="/v1/reservations",method="POST",status="201"} 1042\n',
  },
  problems: ['forbidden'],
}

async function metrics({ status, metricsPublic }: Parts, call: Call): Promise<Response> {
  if (!metricsPublic && !reaches(call.principal, 'service')) {
    if (call.principal === undefined) throw unauthenticated('Metrics need a service key.')
    throw new Problem('forbidden', 'Metrics need the role service.')
  }
  return text(call, await status.metricsText(), { type: 'text/plain; version=0.0.4; charset=utf-8' })
}

const OPENAPI: Operation = {
  method: 'get',
  path: '/openapi.json',
  operationId: 'readOpenApi',
  tag: 'Operations',
  summary: 'This API as an OpenAPI 3.1 document',
  access: 'anyone',
  success: { status: 200, description: 'The document.', schema: z.looseObject({ openapi: z.string() }) },
  problems: [],
}

const ASYNCAPI: Operation = {
  method: 'get',
  path: '/asyncapi.json',
  operationId: 'readAsyncApi',
  tag: 'Operations',
  summary: 'The events told to a broker as an AsyncAPI 3 document',
  description: 'Where `EVENTS_URL` names one; the document is there anyhow.',
  access: 'anyone',
  success: { status: 200, description: 'The document.', schema: z.looseObject({ asyncapi: z.string() }) },
  problems: [],
}

const DOCS: Operation = {
  method: 'get',
  path: '/docs',
  operationId: 'readDocs',
  tag: 'Operations',
  summary: 'This API as a page to read',
  access: 'anyone',
  success: { status: 200, description: 'The page.', schema: z.string(), contentType: 'text/html' },
  problems: [],
}

const PROBLEMS_LIST: Operation = {
  method: 'get',
  path: '/problems',
  operationId: 'listProblems',
  tag: 'Operations',
  summary: 'All problems this API can answer',
  description: 'A page where `Accept` names `text/html`, otherwise JSON.',
  access: 'anyone',
  success: { status: 200, description: 'All of them.', schema: z.looseObject({}), hasPage: true },
  problems: [],
}

function problemsList(call: Call): Response {
  if (wantsPage(call)) return page(call, problemsPage(), VARY)
  const problems = Object.entries(PROBLEMS).map(([code, entry]) => ({
    type: `/problems/${code}`,
    code,
    ...entry,
  }))
  return json(call, 200, { problems }, { ...REVALIDATE, ...VARY })
}

const PROBLEM: Operation = {
  method: 'get',
  path: '/problems/{code}',
  operationId: 'readProblem',
  tag: 'Operations',
  summary: 'What a problem means and what to do',
  description:
    'Where the `type` of every problem leads. A page where `Accept` names `text/html`, otherwise JSON.',
  access: 'anyone',
  success: { status: 200, description: 'The problem.', schema: z.looseObject({}), hasPage: true },
  problems: ['not-found'],
}

function problemExplained(call: Call): Response {
  const code = call.context.req.param('code') ?? ''
  if (!isProblemCode(code)) throw new Problem('not-found', 'There is no such problem; /problems lists them.')
  if (wantsPage(call)) return page(call, problemPage(code), VARY)
  return json(call, 200, { type: `/problems/${code}`, code, ...PROBLEMS[code] }, { ...REVALIDATE, ...VARY })
}

const OPERATIONS = [LIVEZ, READYZ, METRICS, OPENAPI, ASYNCAPI, DOCS, PROBLEMS_LIST, PROBLEM]

const VARY = { vary: 'Accept' }

function wantsPage(call: Call): boolean {
  return headerOf(call.context, 'accept')?.includes('text/html') ?? false
}

function page(call: Call, html: string, headers?: Readonly<Record<string, string>>): Response {
  return text(call, html, {
    type: HTML,
    headers: {
      ...REVALIDATE,
      ...headers,
      'content-security-policy': DOCS_POLICY,
    },
  })
}
