import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type CheckOptions, checkDocument } from '../../src/document/check.ts'
import { printFault } from '../../src/document/fault.ts'
import { readDocument } from '../../src/document/yaml.ts'

const schema = {
  type: 'object',
  required: ['data'],
  additionalProperties: false,
  properties: {
    data: { type: 'string' },
    brokers: { type: 'array', items: { type: 'string', expects: 'host:port', pattern: '^[^:]+:\\d+$' }, minItems: 1 },
    level: { enum: ['debug', 'info', 'warn'], default: 'info' },
    api: { type: 'object', default: {}, properties: { port: { type: 'integer', maximum: 65535, default: 8080 } } },
    size: { anyOf: [{ type: 'integer' }, { type: 'string', pattern: '^\\d+ MB$' }], expects: 'a size such as 64 MB' },
    either: { anyOf: [{ type: 'string' }, { type: 'boolean' }] },
    from: {
      type: 'object',
      properties: { topic: { type: 'string' }, topics: { type: 'array' } },
      anyOf: [{ required: ['topic'] }, { required: ['topics'] }],
    },
    to: {
      type: 'array',
      items: {
        anyOf: [
          {
            type: 'object',
            properties: { type: { const: 'tcp' }, port: { type: 'integer' } },
            required: ['type'],
            additionalProperties: false,
          },
          {
            type: 'object',
            properties: { type: { const: 'websocket' }, path: { type: 'string' } },
            required: ['type'],
            additionalProperties: false,
          },
        ],
      },
    },
    names: { type: 'object', propertyNames: { pattern: '^[a-z]+$', expects: 'small letters' } },
    'a/b': { type: 'object', properties: { 'c~d': { type: 'boolean' } } },
  },
}

const faults = (text: string, options?: CheckOptions) =>
  checkDocument(readDocument('f.yaml', text).document, schema, options).faults.map(printFault)

describe('checking a document against a schema', () => {
  it('fills in defaults, also inside absent maps, and leaves the document as it was', () => {
    const { document } = readDocument('f.yaml', 'data: x\n')
    const { value, faults } = checkDocument(document, schema)
    assert.deepEqual(faults, [])
    assert.deepEqual(value, { data: 'x', level: 'info', api: { port: 8080 } })
    assert.deepEqual(document.value, { data: 'x' })
  })

  for (const [what, text, expected] of [
    [
      'an unknown key, at the key, with the nearest word',
      'data: x\nbrokerz: [a:1]\n',
      ['f.yaml:2:1  E103  unknown setting `brokerz` (did you mean `brokers`?)'],
    ],
    ['a missing key', 'level: info\n', ['f.yaml:1:1  E105  `data` is missing (expected a string)']],
    [
      'a wrong type',
      'data: x\nbrokers: kafka:9092\n',
      ['f.yaml:2:10  E104  brokers: expected a list of host:port, found a string'],
    ],
    [
      'a wrong entry',
      'data: x\nbrokers: [kafka]\n',
      ['f.yaml:2:11  E104  brokers[0]: expected host:port, found "kafka"'],
    ],
    [
      'an empty list',
      'data: x\nbrokers: []\n',
      ['f.yaml:2:10  E104  brokers: expected at least 1 entry, found 0 entries'],
    ],
    [
      'a wrong word',
      'data: x\nlevel: wran\n',
      ['f.yaml:2:8  E104  level: expected one of debug, info, warn, found "wran" (did you mean `warn`?)'],
    ],
    [
      'a number out of bounds',
      'data: x\napi: { port: 70000 }\n',
      ['f.yaml:2:14  E104  api.port: expected at most 65535, found 70000'],
    ],
    ['an empty value', 'data:\n', ['f.yaml:1:1  E104  data: expected a string, found nothing']],
    [
      'a value of several kinds, once and in the schema’s words',
      'data: x\nsize: [1]\n',
      ['f.yaml:2:7  E104  size: expected a size such as 64 MB, found 1 entry'],
    ],
    [
      'a value of several kinds without words',
      'data: x\neither: 1\n',
      ['f.yaml:2:9  E104  either: expected a string or true or false, found 1'],
    ],
    [
      'neither of two fields of which one is needed',
      'data: x\nfrom: {}\n',
      ['f.yaml:2:1  E105  `from.topic` or `topics` is missing (expected a string)'],
    ],
    [
      'a fault inside the branch that `type` chooses',
      'data: x\nto: [{ type: tcp, port: x }]\n',
      ['f.yaml:2:25  E104  to[0].port: expected a whole number, found a string'],
    ],
    [
      'a `type` that chooses no branch',
      'data: x\nto: [{ type: tpc }]\n',
      ['f.yaml:2:14  E104  to[0].type: expected one of tcp, websocket, found "tpc" (did you mean `tcp`?)'],
    ],
    [
      'a key of another branch',
      'data: x\nto: [{ type: tcp, path: / }]\n',
      ['f.yaml:2:19  E103  unknown setting `to[0].path`'],
    ],
    [
      'a name that cannot be one',
      'data: x\nnames: { Lake: 1 }\n',
      ['f.yaml:2:10  E104  names: `Lake` cannot be a name here; expected small letters'],
    ],
    [
      'a key with a slash and a tilde',
      'data: x\na/b: { c~d: 1 }\n',
      ['f.yaml:2:13  E104  ["a/b"]["c~d"]: expected true or false, found 1'],
    ],
    [
      'all faults at once, in the order of the file',
      'brokers: 1\nlevel: x\nfoo: 1\n',
      [
        'f.yaml:1:1  E105  `data` is missing (expected a string)',
        'f.yaml:1:10  E104  brokers: expected a list of host:port, found 1',
        'f.yaml:2:8  E104  level: expected one of debug, info, warn, found "x"',
        'f.yaml:3:1  E103  unknown setting `foo`',
      ],
    ],
  ] as const) {
    it(`tells of ${what}`, () => assert.deepEqual(faults(text), expected))
  }

  it('uses the codes and the noun it is given', () => {
    assert.deepEqual(faults('data: x\nfoo: 1\n', { codes: { unknown: 'E201' }, noun: 'field' }), [
      'f.yaml:2:1  E201  unknown field `foo`',
    ])
  })

  it('checks a part of a document, with its places and its path', () => {
    const { document } = readDocument('f.yaml', 'connectors:\n  - lake:\n      data: 1\n')
    const checked = checkDocument(document, schema, { path: ['connectors', 0, 'lake'] })
    assert.deepEqual(checked.faults.map(printFault), [
      'f.yaml:3:13  E104  connectors[0].lake.data: expected a string, found 1',
    ])
  })

  it('checks another value at the places of the document', () => {
    const { document } = readDocument('f.yaml', 'data: ${env:X}\n')
    const checked = checkDocument(document, schema, { value: { data: 5 } })
    assert.deepEqual(checked.faults.map(printFault), ['f.yaml:1:7  E104  data: expected a string, found 5'])
  })
})
