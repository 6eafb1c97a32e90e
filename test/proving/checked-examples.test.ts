import assert from 'node:assert/strict'
import { it } from 'node:test'
import { readRange, readSpan } from '../../src/engine/example/range.ts'
import { faultsOf } from './proved.ts'

const rule = (examples: string): string => `from: plants/{plant}/lines/{line}
to:
  - { sink: lake, topic: x }
examples:
${examples}`

it('B1: the faults of examples are found with those of their rule, with place and suggestion', () => {
  const faults = faultsOf(
    rule(`  - name: a
    given: { topic: plants/oslo/line/3, paylod: 1 }
    faults: [{ sink: lak, fails: unavailabl, for: 60 }, { journal: full, sink: lake }, { sink: lake }]
    expect:
      - { sink: lak }
      - { sink: lake, tpoic: x, after: 3 }
      - { puback: payload formt invalid }
      - { pubak: success }
      - { publish: x, key: y }
      - { sink: lake, payload: 1, payload_hex: 0g }
  - name: a
    given: [{ topic: plants/oslo, at: 2s }, { topic: x/#, at: 1s, time: "2026-01-01T00:00:00Z" }]
    expect: []
  - nam: b`),
  )
  assert.deepEqual(
    faults.map((fault) => fault.replace(/^r\.yaml:/, '')),
    [
      '6:21  E206  `from` does not take this topic: plants/{plant}/lines/{line} has `lines` where the topic has `line`',
      '6:41  E201  unknown field `examples[0].given.paylod` (did you mean `payload`?)',
      '7:22  E205  unknown sink `lak` (did you mean `lake`?)',
      '7:34  E201  expected unavailable, timeout, reconnect, rejected or a code of a far side (E601 to E611) (did you mean `unavailable`?)',
      '7:51  E201  examples[0].faults[0].for: expected a time such as 500ms, 60s, 5m, found 60',
      '7:74  E201  a fault of the journal has no `sink`',
      '7:88  E201  `fails` is missing: unavailable, timeout, reconnect or rejected',
      '9:17  E205  unknown sink `lak` (did you mean `lake`?)',
      '10:23  E201  unknown field `tpoic` (did you mean `topic`?)',
      '10:40  E201  expected 60s, "< 60s" or "60s..70s"',
      '11:19  E201  expected success, unspecified error, implementation specific error, not authorized, topic name invalid, quota exceeded, payload format invalid, none or a reason code such as 0x99 (did you mean `payload format invalid`?)',
      '12:11  E201  expected one of sink, publish, puback, dead_letter (did you mean `puback`?)',
      '13:23  E201  unknown field `key`',
      '14:35  E201  `payload` says already what the payload is',
      '14:48  E201  expected pairs of hexadecimal digits',
      '15:11  E201  another example of this rule has this name',
      '16:12  E206  `from` (plants/{plant}/lines/{line}) takes none of these messages',
      '16:54  E206  the topic contains a wildcard (+ or #), which only a filter may',
      '16:63  E201  it comes before the message above it',
      '16:67  E201  the first message says what time it is; the others come `at` some time after it',
      '18:5  E201  `examples[2].name` is missing (expected a string)',
      '18:5  E201  `examples[2].given` is missing (expected a map or a list of maps)',
      '18:5  E201  `examples[2].expect` is missing (expected a list of maps)',
      '18:5  E201  unknown field `examples[2].nam` (did you mean `name`?)',
    ],
  )
})

it('B1: a rule that an example names and that there is not is a fault', () => {
  const faults = faultsOf(
    rule(`  - name: a
    given: { topic: plants/oslo/lines/3 }
    expect: [{ sink: lake, rule: rr }, { sink: lake, rule: other }]`),
  )
  assert.deepEqual(faults, [
    'r.yaml:7:34  E201  there is no rule `rr` (did you mean `r`?)',
    'r.yaml:7:60  E201  there is no rule `other`',
  ])
})

it('times and numbers are read as ranges', () => {
  assert.deepEqual(['500ms', '1.5 s', '2m', '3 min', '1h', '1d', '7', '-1s', 's', ''].map(readSpan), [
    500,
    1500,
    120_000,
    180_000,
    3_600_000,
    86_400_000,
    null,
    null,
    null,
    null,
  ])
  const within = (range: string | number, plain: boolean, ...values: number[]): boolean[] | null => {
    const read = readRange(range, plain)
    return read === null ? null : values.map((value) => read.includes(value))
  }
  assert.deepEqual(within('60s..70s', false, 59_999, 60_000, 70_000, 70_001), [false, true, true, false])
  assert.deepEqual(within('60s..', false, 59_999, 1e9), [false, true])
  assert.deepEqual(within('..1s', false, 0, 1001), [true, false])
  assert.deepEqual(within('> 1', true, 1, 2), [false, true])
  assert.deepEqual(within('>= 1', true, 1, 0), [true, false])
  assert.deepEqual(within('<= 1s', false, 1000, 1001), [true, false])
  assert.deepEqual(within(3, true, 3, 2), [true, false])
  assert.deepEqual(
    ['x', '1..x', '> ', '1 s'].map((range) => within(range, true)),
    [null, null, null, null],
  )
})
