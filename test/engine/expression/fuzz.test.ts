import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { functions } from '../../../src/engine/expression/functions/table.ts'
import {
  bool,
  double,
  dyn,
  type Family,
  int,
  listOf,
  mapOf,
  type RecordType,
  string,
  type Type,
} from '../../../src/engine/expression/type.ts'
import { run } from './run.ts'

/**
 * Expressions of which nobody knows whether they mean anything, over data that fits its types or does not: whatever
 * comes, it is a value, a failure of the message, or a fault, and never something thrown.
 */
const payload = {
  a: 1.5,
  b: -7,
  s: 'press-7 😀',
  e: '',
  t: true,
  n: null,
  o: { x: 3.25, 'odd key': 'deep', z: { w: false } },
  l: ['x', 'y', 'press-7'],
  m: [1, 'a', null, [2], { k: 1 }],
  i: 12,
  lies: 0.5,
  huge: 1e300,
  infinite: 'PLACE',
}

const typed: RecordType = {
  kind: 'record',
  fields: new Map<string, Type>([
    ['a', double],
    ['b', int],
    ['s', string],
    ['t', bool],
    ['l', listOf(string)],
    ['m', listOf(dyn)],
    ['i', int],
    // What the data does not keep to.
    ['lies', int],
    ['huge', int],
    ['infinite', int],
    ['o', mapOf(dyn)],
  ]),
  open: true,
  owner: 'schema fuzz@1',
}

const leaves = fc.constantFrom(
  ...Object.keys(payload).map((name) => `payload.${name}`),
  ...['payload.gone', 'payload.?gone', 'payload.?i', 'topic', 'time', 'properties', 'username', 'x', 'y', 'payload'],
  ...['0', '1', '-1', '2', '7', '9223372036854775807', '-9223372036854775808', '1u', '18446744073709551615u'],
  ...['0.0', '1.5', '-2.5', '1e308', '9007199254740993', '"a"', '""', '"12"', '"é😀"', 'b"\\xff\\x00ab"', 'b""'],
  ...['true', 'false', 'null', '[]', '{}', '[1, 2]', '{"k": 1}', '{1: 2, true: 3}', 'optional.none()', 'int', 'string'],
  ...[
    'duration("1h")',
    'duration("-1.5s")',
    'timestamp("2026-01-02T03:04:05.123456789Z")',
    '"UTC"',
    '"a+b"',
    '"%s %d"',
  ],
)

const rows = fc.constantFrom(...functions)

/** Values that a function may well take. */
const samples: Partial<Record<Family, string[]>> = {
  string: [
    '"a"',
    '""',
    '"12"',
    '"é😀"',
    '"UTC"',
    '"a+b"',
    '"%s %d"',
    '"[1,2]"',
    '"F"',
    'payload.s',
    '"2026-01-02T03:04:05Z"',
    '"1h"',
  ],
  number: [
    '0',
    '1',
    '-1',
    '2',
    '63',
    '64',
    '1u',
    '1.5',
    '-0.5',
    '1e308',
    '9223372036854775807',
    '-9223372036854775808',
    'payload.b',
    'payload.i',
    'payload.huge',
    'payload.infinite',
    '18446744073709551615u',
  ],
  bytes: ['b""', 'b"a"', 'b"\\xff\\x00\\x01\\x02\\x03\\x04\\x05\\x06\\x07"'],
  list: ['[]', '[1]', '[3, 1, 2]', '["b", "a"]', 'payload.l', 'payload.m', '[1, 2u, 1.5]', '[[1], [2, [3]]]', '[null]'],
  map: ['{}', '{"k": 1}', '{1: 2, true: 3}', 'payload.o'],
  timestamp: ['time', 'timestamp("0001-01-01T00:00:00Z")', 'timestamp("9999-12-31T23:59:59.999999999Z")'],
  duration: ['duration("1h")', 'duration("-1.5s")', 'duration("0s")'],
  bool: ['true', 'payload.t'],
}
const ofFamily = (families: readonly Family[]): fc.Arbitrary<string> => {
  const fitting = families.flatMap((family) => samples[family] ?? [])
  return fitting.length === 0 ? leaves : fc.constantFrom(...fitting)
}

const { any } = fc.letrec<{ any: string }>((tie) => {
  // As `dyn(…)` nothing can be refused at load.
  const some = fc.tuple(fc.boolean(), tie('any')).map(([open, text]) => (open ? `dyn(${text})` : text))
  const open = tie('any').map((text) => `dyn(${text})`)
  const join = (...parts: (string | fc.Arbitrary<string>)[]) =>
    fc
      .tuple(...parts.map((part) => (typeof part === 'string' ? fc.constant(part) : part)))
      .map((words) => words.join(''))
  return {
    any: fc.oneof(
      { depthIdentifier: 'any', maxDepth: 5 },
      leaves,
      join('(', some, ' ', fc.constantFrom(...'+ - * / % == != < <= > >= && || in'.split(' ')), ' ', some, ')'),
      join(fc.constantFrom('!', '-', ''), some),
      join('(', some, ' ? ', some, ' : ', some, ')'),
      join(some, '[', fc.constantFrom('', '?'), some, ']'),
      join(some, fc.constantFrom('.k', '.?k', '.`odd key`', '.x', '.orValue(1)', '.hasValue()', '.value()')),
      join('[', some, ', ', fc.constantFrom('', '?'), some, ']'),
      join('{', some, ': ', some, ', "b": ', some, '}'),
      join(
        some,
        '.',
        fc.constantFrom('all', 'exists', 'exists_one', 'map', 'filter', 'sortBy', 'optMap', 'optFlatMap'),
        '(x, ',
        some,
        ')',
      ),
      join(
        some,
        '.',
        fc.constantFrom('all', 'exists', 'transformList', 'transformMap', 'transformMapEntry'),
        '(x, y, ',
        some,
        ')',
      ),
      join('cel.bind(x, ', some, ', ', some, ')'),
      join(some, '.or(', some, ')'),
      rows.chain((row) => {
        const accepted = row.receiver === null ? row.args : [row.receiver, ...row.args]
        return fc
          .tuple(fc.nat(row.optional), ...accepted.map(({ families }) => fc.oneof(ofFamily(families), open)))
          .map(([left, ...given]) => {
            const all = given.slice(0, given.length - left)
            if (row.receiver === null) return `${row.name}(${all.join(', ')})`
            return `${all[0]}.${row.name}(${all.slice(1).join(', ')})`
          })
      }),
    ),
  }
})

const bytes = Buffer.from(JSON.stringify(payload).replace('"PLACE"', '1e999'))

describe('B2: expressions that may mean nothing', () => {
  for (const [name, type] of [
    ['any data', dyn],
    ['data that breaks its types', typed],
  ] as const) {
    it(`end in a value, a failure or a fault, over ${name}`, () => {
      fc.assert(
        fc.property(any, (inner) => {
          fc.pre(inner.length <= 2_000)
          const text = `cel.bind(x, payload.m, cel.bind(y, 3, ${inner}))`
          const ran = run(text, bytes, { type })
          if (!('value' in ran)) return
          assert.notEqual(ran.value, undefined, text)
          assert.notEqual(typeof ran.value, 'symbol', text)
        }),
        { numRuns: 4_000, endOnFailure: true },
      )
    })
  }

  it('are read from any text at all', () => {
    const word = fc.constantFrom(
      ...'payload x . ? [ ] ( ) { } : , + - ! == && "a" \' b" 1 1u 1.5 .map( cel.bind( in true // \n ` \\ $ 😀'.split(
        ' ',
      ),
    )
    fc.assert(
      fc.property(fc.array(word, { maxLength: 30 }), (words) => {
        run(words.join(''), bytes)
        run(words.join(' '), bytes)
      }),
      { numRuns: 3_000, endOnFailure: true },
    )
  })
})
