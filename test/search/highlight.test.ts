import * as assert from 'uvu/assert'
import * as highlight from '../../src/search/highlight.ts'
import { suite } from '../support/suite.ts'

const highlighted = (text: string, words: readonly string[]) =>
  highlight.highlighted(text, new highlight.Sought(words))
const snippetOf = (text: string, words: readonly string[]) =>
  highlight.snippetOf(text, new highlight.Sought(words))

const marks = suite('what was found in a text')

marks('is marked wherever it stands, as it is written there', () => {
  assert.is(highlighted('Café CRÈME, café', ['cafe']), '<mark>Café</mark> CRÈME, <mark>café</mark>')
  assert.is(
    highlighted("Men's iPhone-Case", ['mens', 'case']),
    '<mark>Men&#39;s</mark> iPhone-<mark>Case</mark>',
  )
  assert.is(highlighted('iPhone', ['phone']), undefined)
  assert.is(highlighted('iPhone', []), undefined)
})

marks('makes nothing of the text that a browser would run', () => {
  const text = '<img src=x onerror="alert(1)"> & <mark>'
  assert.is(
    highlighted(text, ['img', 'mark']),
    '&lt;<mark>img</mark> src=x onerror=&quot;alert(1)&quot;&gt; &amp; &lt;<mark>mark</mark>&gt;',
  )
  assert.is(highlighted('a \ud800 b', ['b']), 'a \ufffd <mark>b</mark>')
})

marks('is shown with some of what stands around it, cut between words', () => {
  const text = `${'before '.repeat(40)}needle ${'after '.repeat(60)}`
  const snippet = snippetOf(text, ['needle']) ?? ''
  assert.match(snippet, /^…before (?:before )*<mark>needle<\/mark> (?:after )*after…$/)
  assert.ok(snippet.length < 240, String(snippet.length))
  assert.is(snippetOf('needle', ['needle']), '<mark>needle</mark>')
  assert.is(snippetOf('x'.repeat(1_000), ['needle']), undefined)
  assert.ok((snippetOf(`needle${' x'.repeat(500)}`, ['needle']) ?? '').startsWith('<mark>needle</mark> x'))
})

marks('costs little, however long the text is and whatever it is made of', () => {
  const texts = ['a word '.repeat(1_500), `e${'\u0301\u0323'.repeat(5_000)}`, "'".repeat(10_000)]
  const beganAtMs = performance.now()
  // A page of hits, ten times; without a bound, the marks alone take half a minute.
  for (let hit = 0; hit < 1_000; hit++)
    for (const text of texts) assert.is(snippetOf(text, ['needle']), undefined)
  const tookMs = performance.now() - beganAtMs
  assert.ok(tookMs < 10_000, `${tookMs} ms`)
})

marks.run()
