/** The report: figures judged as they should be, in a page that needs nothing beside it. */
import * as assert from 'uvu/assert'
import { absentRow, type Measured, makeRow, verdictOf } from '../../bench/figure.ts'
import { type Report, reportPage } from '../../bench/report/page.ts'
import { rowsTable } from '../../bench/report/rows-table.ts'
import { histogramOf } from '../../bench/support/histogram.ts'
import { pace } from '../../bench/support/pace.ts'
import { inRounds } from '../../bench/support/rounds.ts'
import { suite } from '../support/suite.ts'

const rows = suite('a row')

rows('is the median of its rounds, and its ratio the median of the rounds’ ratios', () => {
  const row = makeRow({
    name: 'own',
    unit: '/s',
    // The second round was slow for both sides.
    values: [100, 40, 120],
    limit: { name: 'bare', values: [200, 80, 200] },
  })
  assert.is(row.name, 'own ÷ bare')
  assert.is(row.value, 100)
  assert.equal(row.range, [40, 120])
  assert.is(row.limit?.value, 200)
  assert.is(row.ratio, 0.5)
  assert.equal(row.ratioRange, [0.5, 0.6])
})

rows('reaches its aim, its floor, or neither, by its ratio', () => {
  const judged = (own: number) => {
    return verdictOf(
      makeRow({ name: '', unit: '', values: [own], limit: { name: '', values: [10] }, floor: 0.5, aim: 0.8 }),
    )
  }
  assert.equal([judged(8), judged(5), judged(4.9)], ['aim', 'floor', 'missed'])
})

rows('with a floor above its aim is better the less it is, and without a limit judged by its value', () => {
  const judged = (value: number) =>
    verdictOf(makeRow({ name: '', unit: 's', values: [value], floor: 3, aim: 0.5 }))
  assert.equal([judged(0.5), judged(3), judged(3.1)], ['aim', 'floor', 'missed'])
  const none = (value: number) =>
    verdictOf(makeRow({ name: '', unit: '', values: [value], floor: 0, aim: 0 }))
  assert.equal([none(0), none(1)], ['aim', 'missed'])
})

rows('without bounds or without a value judges nothing', () => {
  assert.is(verdictOf(makeRow({ name: '', unit: '', values: [1] })), undefined)
  assert.is(verdictOf(absentRow('', 'not present', { floor: 1, aim: 2 })), undefined)
})

rows('stands in the table with its limit, ratio, bounds and verdict; an absent one with the reason', () => {
  const table = rowsTable([
    makeRow({
      name: 'reserves',
      unit: '/s',
      values: [150_000],
      limit: { name: 'bare', values: [400_000] },
      floor: 0.35,
      aim: 0.8,
    }),
    absentRow('reserves ÷ Redis', 'redis-server is not present', { floor: 4, aim: 10 }),
  ])
  assert.match(table, /reserves ÷ bare +150,000 \/s +400,000 +0\.38 +0\.35 +0\.80 +ok$/m)
  assert.match(table, /reserves ÷ Redis +redis-server is not present +4 +10$/m)
})

rows.run()

const page = suite('the report’s page')

const measured: Measured = {
  rows: [
    makeRow({
      name: 'a < b & "c"',
      unit: '/s',
      values: [1, 2, 3],
      limit: { name: 'bare', values: [4, 4, 4] },
      floor: 0.3,
      aim: 0.8,
      note: 'a note <b>',
    }),
    makeRow({ name: 'oversold', unit: '', values: [0], floor: 0, aim: 0 }),
    absentRow('absent', 'not present'),
  ],
  plots: [
    {
      type: 'bars',
      title: 'bars',
      unit: '/s',
      scale: 'log',
      bars: [
        { name: 'one', value: 10, range: [8, 12] },
        { name: 'none', value: 0 },
      ],
    },
    { type: 'bars', title: 'linear', unit: '', bars: [{ name: 'one', value: 1 }] },
    {
      type: 'lines',
      title: 'lines',
      x: 'callers',
      y: '/s',
      lines: [
        { name: 'a', points: [[64, 1_000]] },
        {
          name: 'b',
          points: [
            [64, 500],
            [4_096, 9_000],
          ],
        },
      ],
    },
  ],
  notes: ['a note & more'],
}
const report: Report = {
  machine: 'a machine <x>',
  startedAt: '2026-11-21T08:00:00.000Z',
  scale: 'tiny',
  figures: [{ name: 'figure', ...measured }],
  failures: ['other: it ended with 1'],
}
const html = reportPage(report)

page('needs nothing beside it: no script, no link, no host, nothing to load', () => {
  for (const word of [
    '<script',
    '<link',
    '<img',
    '<iframe',
    'src=',
    'href=',
    'url(',
    '@import',
    '//',
    'javascript:',
  ]) {
    assert.not(html.includes(word), `it has ${word}`)
  }
})

page('is well formed: a doctype, a language, every element closed in order, ids that differ', () => {
  assert.ok(html.startsWith('<!doctype html>\n<html lang="en">'))
  assert.match(html, /<meta charset="utf-8">[\s\S]*<title>[^<]+<\/title>/)
  assert.equal(unclosed(html), [])
  const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id)
  assert.ok(ids.length > 2)
  assert.is(new Set(ids).size, ids.length)
  for (const [, id] of html.matchAll(/aria-labelledby="([^"]*)"/g))
    assert.ok(ids.includes(id), `${id} is an id`)
})

page('has no number that is none, and escapes what it is told', () => {
  assert.not(/NaN|Infinity|undefined/.test(html))
  assert.ok(html.includes('a &lt; b &amp; &quot;c&quot; ÷ bare'))
  assert.ok(html.includes('a note &lt;b&gt;'))
  assert.not(html.includes('<x>'))
})

page('draws each plot as inline SVG with its title, in colours of both schemes', () => {
  assert.is(html.match(/<svg /g)?.length, measured.plots.length + 1)
  assert.is(
    html.match(/<\/figcaption><svg viewBox="0 0 \d+ \d+" role="img"/g)?.length,
    measured.plots.length + 1,
  )
  assert.match(html, /color-scheme: light dark/)
  assert.match(html, /prefers-color-scheme: dark/)
  assert.match(html, /<polyline class="line c1" points="[\d., ]+"/)
})

page('tells at once how many floors were reached, and what was not measured', () => {
  assert.match(html, /2 of 2 floors reached/)
  assert.match(html, /Not measured: other: it ended with 1/)
  assert.match(html, /not for publication/)
})

page.run()

const parts = suite('what figures are measured with')

parts('sides take turns, and every other round goes backwards', async () => {
  const order: string[] = []
  const side = (name: string) => () => {
    order.push(name)
    return order.length
  }
  const results = await inRounds(3, { a: side('a'), b: side('b') })
  assert.is(order.join(''), 'abbaab')
  assert.equal(results, { a: [1, 4, 5], b: [2, 3, 6] })
})

parts('a histogram’s steps double, and leave none out between the first and the last', () => {
  assert.equal(histogramOf([0.1, 0.11, 0.9]), [
    { from: 0.0625, to: 0.125, count: 2 },
    { from: 0.125, to: 0.25, count: 0 },
    { from: 0.25, to: 0.5, count: 0 },
    { from: 0.5, to: 1, count: 1 },
  ])
})

parts('an open loop offers what is due, each with its own moment', async () => {
  const due: number[] = []
  const { offered, dropped } = await pace({
    perSecond: 10_000,
    forMs: 20,
    offer: (dueMs) => void due.push(dueMs),
  })
  assert.equal([offered, dropped, due.length], [200, 0, 200])
  const apart = due.slice(1).map((dueMs, i) => dueMs - (due[i] as number))
  assert.ok(apart.every((gapMs) => Math.abs(gapMs - 0.1) < 1e-6))
})

parts('an open loop that cannot keep up drops what is late, where it may', async () => {
  let offers = 0
  const { offered, dropped } = await pace({
    perSecond: 1_000_000,
    forMs: 50,
    lagMsMax: 1,
    offer: () => {
      offers += 1
      const untilMs = performance.now() + 0.05
      while (performance.now() < untilMs);
    },
  })
  assert.is(offered, offers)
  assert.is(offered + dropped, 50_000)
  assert.ok(dropped > 0)
})

parts.run()

const VOID: ReadonlySet<string> = new Set(['meta', 'br', 'hr', 'input'])

/** Elements that are not closed, or not in order. */
function unclosed(html: string): readonly string[] {
  const open: string[] = []
  const wrong: string[] = []
  for (const [, slash, name = '', selfClosed] of html.matchAll(
    /<(\/?)([a-z][a-z0-9]*)(?:\s[^<>]*?)?(\/?)>/g,
  )) {
    if (slash === '/') {
      if (open.pop() !== name) wrong.push(`</${name}>`)
    } else if (selfClosed !== '/' && !VOID.has(name)) open.push(name)
  }
  return [...wrong, ...open]
}
