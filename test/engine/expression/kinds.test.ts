import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Duration, makeDuration, makeTimestamp, Timestamp } from '../../../src/engine/expression/time-value.ts'
import { typeOfShape } from '../../../src/engine/expression/type.ts'
import type { Shape } from '../../../src/engine/port.ts'
import { result } from './run.ts'

const payload = { n: 7, f: 1.5, big: 9007199254740991, s: 'x', l: [1, 2] }

const values: [string, unknown][] = [
  // Which kind a number is
  ['type(1) == int', true],
  ['type(1u) == uint', true],
  ['type(1.0) == double', true],
  ['type(payload.n) == double', true],
  ['type(payload.l.size()) == int', true],
  ['type(dyn(1)) == int', true],
  ['type([1, "a"][0]) == int', true],
  ['type({"a": 1, "b": "x"}[payload.s == "x" ? "a" : "b"]) == int', true],
  ['type([1, 2u][1]) == uint', true],
  ['type([1, 2.0][0]) == double', true],
  ['type(type(1)) == type', true],
  ['type(null) == null_type', true],
  ['type(payload) == map', true],
  ['type(time) == google.protobuf.Timestamp', true],
  ['type(time - time) == google.protobuf.Duration', true],
  ['type(optional.none()) == optional_type', true],
  // Calculating with each
  ['dyn(7) / dyn(2)', 3],
  ['dyn(7) / 2', 3],
  ['payload.n / 2', 3.5],
  ['payload.?n.orValue(0) / 2', 3.5],
  ['payload.?gone.orValue(1) / 2', 0.5],
  ['7u / 2u', 3],
  ['7u % 4u', 3],
  ['1u - 2u', '! the result does not fit 64 bits'],
  ['18446744073709551615u', 18446744073709551615n],
  ['18446744073709551615u + 1u', '! the result does not fit 64 bits'],
  ['18446744073709551615u / 5u', 3689348814741910323n],
  ['dyn(1u) - dyn(2u)', '! the result does not fit 64 bits'],
  ['dyn(1) + dyn(1u)', '! cannot add an int and a uint; convert one'],
  ['payload.n + 1u', 8],
  ['dyn(9223372036854775807) + 1', '! the result does not fit 64 bits'],
  ['-dyn(3)', -3],
  ['- (0)', 0],
  ['1u == 1', true],
  ['1u < 2', true],
  ['dyn(1u) == 1.0', true],
  ['dyn(18446744073709551615u) > 9223372036854775807', true],
  ['1 in [1u, 2u]', true],
  // What leaves is plain
  ['dyn(1)', 1],
  ['[1, "a", 2u]', [1, 'a', 2]],
  ['{1: "one", true: 2}', { 1: 'one', true: 2 }],
  ['[{1: 2}, {"a": 3u}]', [{ 1: 2 }, { a: 3 }]],
  ['payload.n > 3 ? 1 : "none"', 1],
  // Maps with keys of any kind
  ['{1: "one", 2u: "two"}[1u]', 'one'],
  ['{1: "one", 2u: "two"}[2.0]', 'two'],
  ['{1: "one"}[payload.n - 6]', 'one'],
  ['{1: "one"}[2]', '! the value has no field 2'],
  ['{true: 1}[payload.n > 5]', 1],
  ['2 in {1: 1, 2: 2}', true],
  ['{1: 1, 1u: 2}', '! the key "1" stands twice'],
  ['{1: 1, "a": 2} == {"a": 2.0, 1u: 1}', true],
  ['{1: 1} == {"1": 1}', false],
  ['{payload.n: "seven"}[7]', 'seven'],
  ['{payload.f: 1}', '! the keys of a map are strings, whole numbers or bools, not number'],
  ['size({1: 1, "b": 2})', 2],
  ['{"a": 1, 2: 3}.a', 1],
  ['has({"a": 1, 2: 3}.b)', false],
  ['{1: "b"}.map(k, k + 1)', [2]],
  // Times
  ['time - time == duration("0s")', true],
  ['time + duration("1h") > time', true],
  ['time - duration("1500ms") < time', true],
  ['duration("1h") + duration("30m") == duration("90m")', true],
  ['duration("1h") < duration("61m")', true],
  ['timestamp("2026-01-02T00:00:00Z") - timestamp("2026-01-01T00:00:00Z") == duration("24h")', true],
  ['time + time', '! E204 `+` does not fit timestamp and timestamp'],
  ['duration("1s") - time', '! E204 `-` does not fit duration and timestamp'],
  ['dyn(time) + dyn(time)', '! cannot add timestamp and timestamp'],
  ['timestamp("9999-12-31T23:59:59Z") + duration("1s")', '! the result is out of the range of times'],
]

describe('kinds of values', () => {
  for (const [text, value] of values) {
    it(`${text} is ${typeof value === 'bigint' ? value : JSON.stringify(value)}`, () => {
      assert.deepEqual(result(text, payload), value)
    })
  }
})

describe('times', () => {
  it('are written with as many digits as they need', () => {
    assert.equal(new Timestamp(0).toJSON(), '1970-01-01T00:00:00Z')
    assert.equal(new Timestamp(1).toJSON(), '1970-01-01T00:00:00.001Z')
    assert.equal(new Timestamp(0, 1_000).toJSON(), '1970-01-01T00:00:00.000001Z')
    assert.equal(makeTimestamp(0, -1)?.toJSON(), '1969-12-31T23:59:59.999999999Z')
    assert.equal(new Duration(90_000).toJSON(), '90s')
    assert.equal(new Duration(-1_500).toJSON(), '-1.5s')
    assert.equal(makeDuration(0, -1)?.toJSON(), '-0.000000001s')
    assert.equal(makeDuration(-2_000, 500_000)?.toJSON(), '-1.9995s')
  })

  it('end where 64 bits of nanoseconds and the years 1 to 9999 do', () => {
    assert.notEqual(makeDuration(9_223_372_036_854, 775_807), null)
    assert.equal(makeDuration(9_223_372_036_854, 775_808), null)
    assert.notEqual(makeDuration(-9_223_372_036_854, -775_808), null)
    assert.equal(makeDuration(-9_223_372_036_854, -775_809), null)
    assert.equal(makeTimestamp(253_402_300_800_000), null)
    assert.equal(makeTimestamp(-62_135_596_800_000, -1), null)
  })
})

describe('types of schemas', () => {
  it('are made once for what a schema uses in many places, and end where it leads back to itself', () => {
    let shape: Shape = { kind: 'int' }
    for (let at = 0; at < 60; at++) {
      shape = {
        kind: 'object',
        fields: new Map([
          ['a', shape],
          ['b', shape],
        ]),
        open: false,
      }
    }
    const type = typeOfShape(shape, 'schema wide@1')
    assert.equal(result(`payload${'.a'.repeat(30)}.c`, {}, type), '! E217 unknown field `c` in schema wide@1')
    const fields = new Map<string, Shape>()
    const circle: Shape = { kind: 'object', fields, open: false }
    fields.set('next', { kind: 'list', items: circle })
    assert.equal(result('payload.next[0].other', { next: [{ other: 1 }] }, typeOfShape(circle, 'schema tree@1')), 1)
  })
})
