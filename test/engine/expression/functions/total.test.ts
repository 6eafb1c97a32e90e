import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { compileExpression } from '../../../../src/engine/expression/expression.ts'
import type { FunctionRow } from '../../../../src/engine/expression/functions/row.ts'
import { functions } from '../../../../src/engine/expression/functions/table.ts'
import { standardNames, type Variable } from '../../../../src/engine/expression/names.ts'
import { Scope } from '../../../../src/engine/expression/scope.ts'
import { dyn, type Type } from '../../../../src/engine/expression/type.ts'
import {
  Duration,
  failed,
  isAnyMap,
  Some,
  Timestamp,
  TypeValue,
  Uint,
} from '../../../../src/engine/expression/value.ts'
import { messageWith } from '../run.ts'

/** Values of each kind, the edges of each first. */
const kinds: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  number: fc.oneof(
    fc.constantFrom<number>(0, -0, 1, -1, 0.5, NaN, Infinity, -Infinity, 1e300, 5e-324, 2 ** 53, -(2 ** 63), 2 ** 64),
    fc.constantFrom<unknown>(0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), new Uint(0n), new Uint(2n ** 64n - 1n)),
    fc.integer({ min: -70, max: 70 }),
    fc.double(),
  ),
  string: fc.oneof(
    fc.constantFrom(
      '',
      '\ud800',
      '😀a',
      'a/b/c',
      '%',
      '%s %d %.2f',
      'UTC',
      '+02:00',
      'Europe/Oslo',
      'F',
      'kPa',
      '(',
      '(a)(b)|',
    ),
    fc.constantFrom(
      '1h',
      '-9223372036854775808',
      '1e400',
      '2026-01-02T03:04:05.678Z',
      '[1,{"a":null}]',
      '"a""b",c',
      '#',
      'a/#',
    ),
    fc.string({ unit: 'binary', maxLength: 20 }),
  ),
  bytes: fc.oneof(fc.constantFrom(new Uint8Array(0), Uint8Array.of(0xff, 0xfe)), fc.uint8Array({ maxLength: 20 })),
  bool: fc.boolean(),
  null: fc.constant(null),
  timestamp: fc.constantFrom(
    new Timestamp(0),
    new Timestamp(-62_135_596_800_000),
    new Timestamp(253_402_300_799_999, 999_999),
    new Timestamp(1_767_323_045_678, 1),
  ),
  duration: fc.constantFrom(
    new Duration(0),
    new Duration(-1, 999_999),
    new Duration(900_000),
    new Duration(9_223_372_036_854, 775_807),
  ),
  map: fc.constantFrom({}, { a: 1 }, JSON.parse('{"__proto__": 1, "constructor": [2]}') as object),
}
const item = fc.oneof(...Object.values(kinds))
const list = fc.oneof(
  fc.array(item, { maxLength: 5 }),
  fc.array(kinds['number']!, { maxLength: 5 }),
  fc.array(kinds['string']!, { maxLength: 5 }),
  fc.constantFrom<unknown[]>(
    [],
    [[1, [2]], [[]]],
    [
      [0, 0],
      [0, 3],
      [3, 3],
    ],
  ),
)
const anything = fc.oneof(item, list)

const fitting = (families: readonly string[]): fc.Arbitrary<unknown> =>
  fc.oneof(
    // Mostly what is asked for; now and then what is not.
    {
      weight: 12,
      arbitrary: fc.oneof(...families.map((family) => (family === 'list' ? list : (kinds[family] ?? anything)))),
    },
    { weight: 1, arbitrary: anything },
  )

const parameters = ({ receiver, args }: FunctionRow) => (receiver === null ? args : [receiver, ...args])

/** Whether a value is of a static type, in that type's form (see value.ts). */
function isOf(value: unknown, type: Type): boolean {
  switch (type.kind) {
    case 'int':
    case 'uint':
      if (typeof value === 'bigint') return !Number.isSafeInteger(Number(value))
      return Number.isSafeInteger(value) && (type.kind === 'int' || (value as number) >= 0)
    case 'double':
      return typeof value === 'number'
    case 'number':
      return typeof value === 'number' || typeof value === 'bigint' || value instanceof Uint
    case 'string':
    case 'null':
      return type.kind === 'null' ? value === null : typeof value === 'string'
    case 'bool':
      return typeof value === 'boolean'
    case 'bytes':
      return value instanceof Uint8Array && !Buffer.isBuffer(value)
    case 'timestamp':
      return value instanceof Timestamp
    case 'duration':
      return value instanceof Duration
    case 'type':
      return value instanceof TypeValue
    case 'list':
      return Array.isArray(value) && value.every((part) => isOf(part, type.of))
    case 'optional':
      return value === null || isOf(value, type.of)
    case 'map':
    case 'record':
      return isAnyMap(value)
    default:
      return value !== undefined && typeof value !== 'function' && !(value instanceof Some && type.kind !== 'dyn')
  }
}

const scope = new Scope()
const message = messageWith({})

describe('B2: functions are total', () => {
  for (const row of functions) {
    const names = parameters(row).map((_, at) => `x${at}`)
    const written = (count: number) =>
      row.receiver === null
        ? `${row.name}(${names.slice(0, count).join()})`
        : `x0.${row.name}(${names.slice(1, count).join()})`

    it(`${row.receiver === null ? '' : '.'}${row.name}() gives a value of its type, or fails, whatever it gets`, () => {
      const values: unknown[] = []
      const variables = names.map((name, at): [string, Variable] => [
        name,
        { type: dyn, depends: 'message', read: () => values[at] },
      ])
      const all = new Map([...standardNames(dyn), ...variables])
      for (let count = names.length - row.optional; count <= names.length; count++) {
        const result = typeof row.result === 'function' ? row.result(names.slice(0, count).map(() => dyn)) : row.result
        // An expression may not end with a value that may be absent.
        const opened = result.kind === 'optional' ? '.orValue(null)' : ''
        const { compiled, faults } = compileExpression({ text: written(count) + opened, origin: { path: [] } }, all)
        assert.ok(compiled !== null, faults[0]?.message)
        const given = fc.tuple(...parameters(row).map(({ families }) => fitting(families)))
        fc.assert(
          fc.property(given, (some) => {
            values.splice(0, values.length, ...some)
            scope.begin(message)
            scope.beginRule([], 0)
            const value = compiled.evaluate(scope)
            if (value === failed) {
              assert.match(scope.reason, /^[^\n]{3,400}$/s)
              return
            }
            assert.ok(isOf(value, result), `gave ${String(value)}, which is no ${result.kind}`)
          }),
          { numRuns: 300 },
        )
      }
    })
  }
})
