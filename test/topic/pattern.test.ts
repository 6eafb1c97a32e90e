import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { topicFilterFault, topicMatches } from '../../src/topic/filter.ts'
import { parsePattern, type TopicPattern } from '../../src/topic/pattern.ts'

const patternOf = (text: string): TopicPattern => {
  const parsed = parsePattern(text)
  assert.ok('pattern' in parsed, `${text}: ${'fault' in parsed ? parsed.fault : ''}`)
  return parsed.pattern
}

test('captures become wildcards of the filter and give their levels by name', () => {
  const pattern = patternOf('plants/{plant}/lines/{line}/telemetry')
  assert.equal(pattern.filter, 'plants/+/lines/+/telemetry')
  assert.deepEqual(pattern.names, ['plant', 'line'])
  assert.deepEqual(pattern.capture('plants/oslo/lines/3/telemetry'), ['oslo', '3'])
  assert.deepEqual(pattern.capture('plants//lines//telemetry'), ['', ''])
})

test('{name...} captures the rest with its slashes, which may be nothing at all', () => {
  const pattern = patternOf('+/{first}/{rest...}')
  assert.equal(pattern.filter, '+/+/#')
  assert.deepEqual(pattern.capture('a/b/c/d/'), ['b', 'c/d/'])
  assert.deepEqual(pattern.capture('a/b/'), ['b', ''])
  assert.deepEqual(pattern.capture('a/b'), ['b', ''])
  assert.deepEqual(patternOf('{all...}').capture('a/b'), ['a/b'])
})

test('plain wildcards match without a name', () => {
  const pattern = patternOf('a/+/{x}/#')
  assert.equal(pattern.filter, 'a/+/+/#')
  assert.deepEqual(pattern.capture('a/b/c/d'), ['c'])
})

test('every fault names what is wrong and the character where it is', () => {
  const cases: [string, RegExp, number][] = [
    ['', /empty/, 0],
    ['a/\0', /U\+0000/, 0],
    ['a/b{c}/d', /whole level: write `\{c\}`/, 3],
    ['a/{b}{c}', /whole level/, 2],
    ['a/{b', /whole level/, 2],
    ['a/b}', /whole level/, 3],
    ['{a/b}', /whole level/, 0],
    ['a/{}', /needs a name/, 3],
    ['a/{...}', /needs a name/, 3],
    ['a/{1b}', /`1b` cannot be/, 3],
    ['a/{b-c}', /`b-c` cannot be/, 3],
    ['{b}/x/{b}', /named twice/, 7],
    ['{b}/{b...}', /named twice/, 5],
    ['a/{b...}/c', /must be the last level/, 2],
    ['a/#/c', /must be the last level/, 2],
    ['a/b+/c', /`\+` must be a whole level/, 3],
    ['a/b#', /`#` must be a whole level/, 3],
    [`${'a'.repeat(65_536)}`, /longer/, 0],
  ]
  for (const [text, fault, offset] of cases) {
    const parsed = parsePattern(text)
    assert.ok('fault' in parsed, text)
    assert.match(parsed.fault, fault)
    assert.equal(parsed.offset, offset, text)
  }
})

test('a pattern made around a topic matches it and captures exactly the levels it replaced', () => {
  const level = fc.record({ text: fc.constantFrom('', 'a', 'b', 'ø', 'x y'), capture: fc.boolean() })
  fc.assert(
    fc.property(fc.array(level, { minLength: 1, maxLength: 6 }), fc.nat(6), fc.boolean(), (levels, cut, rest) => {
      const topic = levels.map((each) => each.text).join('/')
      fc.pre(topic !== '')
      const kept = rest ? levels.slice(0, cut) : levels
      const text: string[] = kept.map((each, i) => (each.capture ? `{c${i}}` : each.text))
      const expected: string[] = kept.filter((each) => each.capture).map((each) => each.text)
      if (rest) {
        text.push('{rest...}')
        expected.push(
          levels
            .slice(cut)
            .map((each) => each.text)
            .join('/'),
        )
      }
      const pattern = patternOf(text.join('/'))
      assert.equal(topicFilterFault(pattern.filter), null)
      assert.ok(topicMatches(pattern.filter, topic))
      assert.deepEqual(pattern.capture(topic), expected)
    }),
    { numRuns: 2_000 },
  )
})
