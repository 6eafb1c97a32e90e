import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { faultsOf, load } from './rules.ts'

const dollar = '$'

describe('B1 B3: faults of rule files', () => {
  const cases: [title: string, text: string, ...faults: string[]][] = [
    [
      'an unknown field, with the nearest word',
      'from: a/b\nwher: "true"\nto: [{ sink: lake }]\n',
      'rules/r.yaml:2:1  E201  unknown field `wher` (did you mean `where`?)',
    ],
    ['a missing from', 'to: [{ sink: lake }]\n', 'rules/r.yaml:1:1  E201  `from` is missing (expected a string)'],
    [
      'a wrong filter',
      'from: a/{b/c\nto: [{ sink: lake }]\n',
      'rules/r.yaml:1:9  E206  a capture must be a whole level: write `{name}` alone between two slashes',
    ],
    [
      'a capture that hides a standard name',
      'from: a/{payload}\nto: [{ sink: lake }]\n',
      'rules/r.yaml:1:9  E206  `payload` already means something in expressions; capture under another name',
    ],
    [
      'an unknown sink',
      'from: a\nto:\n  - sink: lak\n',
      'rules/r.yaml:3:11  E205  unknown sink `lak` (did you mean `lake`?)',
    ],
    [
      'an unknown schema',
      'from: a\nschema: telemetri\nto: [{ sink: lake }]\n',
      'rules/r.yaml:2:9  E208  unknown schema `telemetri` (did you mean `telemetry`?)',
    ],
    [
      'an unknown version of a schema',
      'from: a\nschema: telemetry@9\nto: [{ sink: lake }]\n',
      'rules/r.yaml:2:9  E208  schema `telemetry` has no version `9`; there is 2, 3',
    ],
    [
      'an unknown field of the payload, with the nearest of the schema',
      'from: a\nschema: telemetry\nwhere: payload.qualty == "good"\nto: [{ sink: lake }]\n',
      'rules/r.yaml:3:16  E217  unknown field `qualty` in schema telemetry@3 (did you mean `quality`?)',
    ],
    [
      'types that do not fit the schema',
      'from: a\nschema: telemetry\nwhere: payload.quality > 3\nto: [{ sink: lake }]\n',
      'rules/r.yaml:3:24  E204  `>` between string and int: without an order',
    ],
    [
      'a where that is no bool',
      'from: a\nwhere: size(topic)\nto: [{ sink: lake }]\n',
      'rules/r.yaml:2:8  E204  where: expected a bool, not int',
    ],
    [
      'broken syntax',
      'from: a\nwhere: payload.x >\nto: [{ sink: lake }]\n',
      'rules/r.yaml:2:19  E202  ends where a value is expected',
    ],
    [
      'a place inside a quoted and a folded string',
      'from: a\nwhere: "qos == 1 && \\"a\\" == nme"\nlet:\n  x: >-\n    qos +\n    nme\nto: [{ sink: lake }]\n',
      'rules/r.yaml:2:30  E203  unknown name `nme`',
      'rules/r.yaml:6:5  E203  unknown name `nme`',
    ],
    [
      'a name used before it is let',
      'from: a\nlet: { x: y + 1, y: qos }\nto: [{ sink: lake }]\n',
      'rules/r.yaml:2:11  E203  unknown name `y`',
    ],
    [
      'a let that hides a name, and one that is none',
      'from: a/{plant}\nlet: { plant: "1", b-c: "2" }\nto: [{ sink: lake }]\n',
      'rules/r.yaml:2:8  E201  `plant` already means something in expressions',
      'rules/r.yaml:2:20  E201  `b-c` cannot be a name: letters, digits and _ only',
    ],
    [
      'edits that contradict each other',
      'from: a\nset:\n  a.b: 1\n  a: 2\nto: [{ sink: lake }]\n',
      'rules/r.yaml:4:3  E201  two edits of `a` contradict each other',
    ],
    [
      'set together with payload',
      'from: a\nset: { x: 1 }\npayload: client\nto: [{ sink: lake }]\n',
      'rules/r.yaml:3:1  E201  `payload` replaces what `set` edits; a rule or a target has one of them',
    ],
    [
      'an expression in a template, at its character',
      `from: a/{plant}\nto:\n  - sink: lake\n    key: x-${dollar}{plnt}\n`,
      'rules/r.yaml:4:14  E203  unknown name `plnt` (did you mean `plant`?)',
    ],
    [
      'an open template',
      `from: a\nto:\n  - { sink: lake, key: "${dollar}{topic" }\n`,
      'rules/r.yaml:3:27  E202  this expression has no closing }',
    ],
    [
      'a target field the connector does not know',
      'from: a\nto:\n  - { sink: lake, entry: x }\n  - { sink: archive, entri: x }\n',
      'rules/r.yaml:3:19  E201  unknown field `entry` of sink `lake` (kafka)',
      'rules/r.yaml:4:22  E201  unknown field `entri` of sink `archive` (reductstore) (did you mean `entry`?)',
    ],
    [
      'a target option of the wrong type',
      'from: a\nto:\n  - { sink: lake, partition: -1 }\n',
      'rules/r.yaml:3:30  E201  to[0].partition: expected at least 0, found -1',
    ],
    [
      'an unknown encoding',
      'from: a\nto:\n  - { sink: lake, encode: jsn }\n',
      'rules/r.yaml:3:27  E201  encode: expected one of json, avro, protobuf, sparkplug, msgpack, cbor, csv, raw (did you mean `json`?)',
    ],
    [
      'raw for an edited object',
      'from: a\nset: { x: "1" }\nto:\n  - { sink: lake, encode: raw }\n',
      'rules/r.yaml:4:27  E204  raw takes a string or bytes, and `set` gives an object',
    ],
    [
      'targets that are neither or both',
      'from: a\nto:\n  - { key: x }\n  - { sink: lake, publish: x }\n',
      'rules/r.yaml:3:5  E201  a target has either `sink` or `publish`',
      'rules/r.yaml:4:5  E201  a target has either `sink` or `publish`',
    ],
    [
      'topics nobody may publish to',
      'from: a\nto:\n  - publish: b/+/c\n  - publish: $SYS/x\n',
      'rules/r.yaml:3:16  E206  the topic contains a wildcard (+ or #), which only a filter may',
      'rules/r.yaml:4:14  E206  topics that begin with $ are not published by rules',
    ],
    [
      'a publish with a wrong qos or retain',
      'from: a\nto:\n  - { publish: b, qos: 3, retain: 1 }\n',
      'rules/r.yaml:3:24  E201  expected 0, 1, 2 or one ${…} that gives one of them',
      'rules/r.yaml:3:35  E201  expected false, true or one ${…} that gives one of them',
    ],
    [
      'an optional left open',
      'from: a\nwhere: payload.?ok\nto: [{ sink: lake }]\n',
      'rules/r.yaml:2:17  E204  this value may be absent: say what then, with .orValue(…)',
    ],
    ['YAML that is none', 'from: a\n\tto: b\n', 'rules/r.yaml:2:1  E102  tabs cannot be used to indent; use spaces'],
  ]
  for (const [title, text, ...expected] of cases) {
    it(`name ${title}`, () => {
      const faults = faultsOf({ r: text })
      assert.deepEqual(faults.slice(0, expected.length), expected)
      if (!title.startsWith('YAML')) assert.equal(faults.length, expected.length)
    })
  }

  it('of all files come at once, sorted by place', () => {
    const faults = faultsOf({
      b: 'from: a\nwhere: nme\nto: [{ sink: lak }]\n',
      a: 'from: "#/a"\nwher: x\nack: maybe\nto: [{ sink: lake, key: "${nme}" }]\n',
    })
    assert.deepEqual(
      faults.map((fault) => fault.split('  ').slice(0, 2).join(' ')),
      [
        'rules/a.yaml:1:8 E206',
        'rules/a.yaml:2:1 E201',
        'rules/a.yaml:3:6 E201',
        'rules/a.yaml:4:28 E203',
        'rules/b.yaml:2:8 E203',
        'rules/b.yaml:3:14 E205',
      ],
    )
  })

  it('include two files of one name', () => {
    const text = 'from: a\nto: [{ sink: lake }]\n'
    assert.equal(
      faultsOf({ 'x/r': text, 'y/r': text })[0],
      'rules/y/r.yaml:1:1  E201  rules/x/r.yaml already holds a rule of this name',
    )
  })
})

describe('A10: rules that feed themselves', () => {
  const rule = (from: string, publish: string) => `from: "${from}"\nto:\n  - publish: ${publish}\n`
  const loops: [from: string, publish: string, loops: boolean][] = [
    ['a/b', 'a/b', true],
    ['a/b', 'a/c', false],
    ['a/#', 'a', true],
    ['a/#', 'a/b/c', true],
    ['a/#', 'ab', false],
    ['#', 'x', true],
    ['+', 'x/y', false],
    ['a/+', 'a/b/c', false],
    ['plants/{p}/in', `plants/${dollar}{p}/out`, false],
    ['plants/{p}/in', `plants/${dollar}{p}/in`, true],
    ['plants/{p}', `plants/${dollar}{p}/x`, false],
    ['plants/{rest...}', `curated/${dollar}{rest}`, false],
    ['in/{rest...}', `${dollar}{rest}`, true],
    ['{a}/x', `${dollar}{a}/y`, false],
    ['{a}/x', `${dollar}{payload.to}/y`, false],
    ['{a}/x', `${dollar}{payload.to}`, true],
    ['a/b/c', `a${dollar}{client}c`, true],
    ['a/b/c', `a/${dollar}{client}d`, false],
  ]
  for (const [from, publish, expected] of loops) {
    it(`${from} → ${publish} ${expected ? 'is' : 'is not'} one`, () => {
      const faults = faultsOf({ r: rule(from, publish) })
      assert.deepEqual(
        faults,
        expected ? ['rules/r.yaml:3:14  E207  what this rule publishes may match its own `from`: r → r'] : [],
      )
    })
  }

  it('are found over several rules, once each, with the way', () => {
    const faults = faultsOf({
      one: rule('a/+', 'b/x'),
      two: rule('b/+', `c/${dollar}{client}`),
      three: rule('c/#', 'a/x'),
      four: rule('d', 'a/x'),
    })
    assert.deepEqual(faults, [
      'rules/one.yaml:3:14  E207  what this rule publishes may come back to it: one → two → three → one',
    ])
  })
})

describe('a rule set', () => {
  it('answers the rules that match a topic in the order of their names', () => {
    const to = 'to: [{ sink: lake }]\n'
    const rules = load({ c: `from: a/+\n${to}`, a: `from: "#"\n${to}`, b: `from: a/{x}\n${to}`, d: `from: b\n${to}` })
    assert.deepEqual(
      rules.rules.map((rule) => rule.name),
      ['a', 'b', 'c', 'd'],
    )
    assert.deepEqual(
      rules.lookup('a/1')?.rules.map(({ rule }) => rule.name),
      ['a', 'b', 'c'],
    )
    assert.deepEqual(
      rules.lookup('b')?.rules.map(({ rule }) => rule.name),
      ['a', 'd'],
    )
    assert.equal(load({ d: `from: b\n${to}` }).lookup('c'), null)
    assert.equal(rules.lookup('$SYS/x'), null)
  })
})
