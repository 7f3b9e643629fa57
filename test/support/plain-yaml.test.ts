import * as assert from 'uvu/assert'
import { parseYaml } from './plain-yaml.ts'
import { suite } from './suite.ts'

const test = suite('YAML as far as it is used')

test('reads blocks, flow, quotes, comments, anchors and merges', () => {
  const text = `
# A comment.
base: &base
  image: redis:7.4.6 # and why
  list: ['a, b', "c#d", e]
  tag: a#b

services:
  one:
    <<: *base
    image: other
    ports:
      - 80:80
      - '# no comment'
  two: { <<: *base, networks: { inner: { address: 10.0.0.1 } } }
volumes:
  data:
`
  const base = { image: 'redis:7.4.6', list: ['a, b', 'c#d', 'e'], tag: 'a#b' }
  assert.equal(parseYaml(text), {
    base,
    services: {
      one: { ...base, image: 'other', ports: ['80:80', '# no comment'] },
      two: { ...base, networks: { inner: { address: '10.0.0.1' } } },
    },
    volumes: { data: null },
  })
})

for (const [what, text] of [
  ['too far an indentation', 'a:\n  b: c\n    d: e'],
  ['a line that is no entry', 'a: b\nwords without a colon'],
  ['an alias of nothing', 'a: *b'],
  ['flow that does not end', 'a: [b, c'],
  ['escapes', 'a: "b\\n"'],
] as const) {
  test(`refuses ${what}`, () => {
    assert.throws(() => parseYaml(text), /line [0-9]/)
  })
}

test.run()
