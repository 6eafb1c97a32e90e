import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { run } from './run.ts'

/**
 * The two forms of a number (see `src/engine/expression/value.ts`) are one number: an expression of integers gives
 * the same whether its literals have their types or hide them behind `dyn()`. `size()` has no part in it: beside a value
 * of unknown type it is one of JSON's numbers, by decision 25.
 */
const numbers = fc.oneof(
  fc.integer({ min: -20, max: 20 }).map(String),
  fc.integer({ min: 0, max: 20 }).map((n) => `${n}u`),
  fc.constantFrom('9223372036854775807', '9007199254740993', '-9223372036854775808', '18446744073709551615u'),
)

const { any } = fc.letrec<Record<'any' | 'number' | 'list' | 'map' | 'bool', string>>((tie) => {
  const depth = { depthIdentifier: 'form', maxDepth: 5 } as const
  const join = (...parts: (string | fc.Arbitrary<string>)[]) =>
    fc
      .tuple(...parts.map((part) => (typeof part === 'string' ? fc.constant(part) : part)))
      .map((words) => words.join(''))
  const number = tie('number')
  const list = tie('list')
  const map = tie('map')
  const bool = tie('bool')
  return {
    any: fc.oneof(number, list, map, bool),
    number: fc.oneof(
      depth,
      numbers.map((text) => `§${text}§`),
      join('(', number, fc.constantFrom(' + ', ' - ', ' * ', ' / ', ' % '), number, ')'),
      join('(', bool, ' ? ', number, ' : ', number, ')'),
      join(list, '[0]'),
      join(map, '["a"]'),
      join(map, '.?b.orValue(', number, ')'),
      join('cel.bind(z, ', number, ', z + z)'),
      join(fc.constantFrom('math.greatest', 'math.least'), '(', number, ', ', number, ')'),
    ),
    list: fc.oneof(
      depth,
      join('[', number, ', ', number, ']'),
      join('[', number, ', "s"]'),
      join('(', list, ' + ', list, ')'),
      join(list, '.map(x, x + ', number, ')'),
      join(list, '.filter(x, x > ', number, ')'),
      join(list, '.transformList(i, x, i + x)'),
      join('(', bool, ' ? ', list, ' : ', list, ')'),
      join(list, fc.constantFrom('.sortBy(x, x)', '.reverse()', '.distinct()')),
      join(map, '.map(k, k)'),
    ),
    map: fc.oneof(
      depth,
      join('{"a": ', number, ', "b": ', number, '}'),
      join('{', number, ': ', number, ', "a": ', number, '}'),
      join(map, '.transformMap(k, v, v)'),
      join(list, '.transformMapEntry(i, v, {string(i): v})'),
      join('(', bool, ' ? ', map, ' : ', map, ')'),
    ),
    bool: fc.oneof(
      depth,
      fc.constantFrom('true', 'false'),
      join('(', number, fc.constantFrom(' == ', ' != ', ' < ', ' >= '), number, ')'),
      join('(', number, ' in ', list, ')'),
      join('(', number, ' in ', map, ')'),
      join('(', list, ' == ', list, ')'),
      join('(', map, ' == ', map, ')'),
    ),
  }
})

const shown = (text: string): string => {
  const ran = run(text)
  if (!('value' in ran)) return 'faults' in ran ? 'faulty' : 'fails'
  return (
    JSON.stringify(ran.value, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value)) ??
    'undefined'
  )
}

describe('the two forms of a number', () => {
  it('give the same', () => {
    fc.assert(
      fc.property(any, (text) => {
        fc.pre(text.length <= 2_000)
        const typed = shown(text.replaceAll('§', ''))
        const hidden = shown(text.replaceAll(/§([^§]*)§/g, 'dyn($1)'))
        // What types find out at load may be found out by the value later, or be no fault of it.
        if (typed !== 'faulty' && hidden !== 'faulty') assert.equal(hidden, typed, text)
      }),
      { numRuns: 5_000, endOnFailure: true },
    )
  })
})
