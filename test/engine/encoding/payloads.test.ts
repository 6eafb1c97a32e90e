import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cbor } from '../../../src/engine/encoding/cbor.ts'
import { messagePack } from '../../../src/engine/encoding/message-pack.ts'
import type { Outcome } from '../../../src/engine/outcome.ts'
import { jsonOf, message, run } from '../rules.ts'
import { registryOfFiles, rulesWith } from '../schemas.ts'

const reading = {
  type: 'record',
  name: 'Reading',
  fields: [
    { name: 'device', type: 'string' },
    { name: 'celsius', type: 'double' },
    { name: 'count', type: 'long', default: 0 },
    { name: 'raw', type: 'bytes', default: '' },
  ],
}
const registry = registryOfFiles({
  'reading/1.avsc': { ...reading, fields: reading.fields.slice(0, 2) },
  'reading/2.avsc': reading,
  'other/1.avsc': { type: 'record', name: 'Other', fields: [{ name: 'x', type: 'long' }] },
  'signal/1.proto':
    'syntax = "proto3"; package p; message Signal { Head head = 1; bytes raw = 2; uint64 count = 3; } message Head { int64 id = 1; }',
  'strict/1.json': {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    required: ['device'],
    properties: { device: { type: 'string' }, celsius: { type: 'number' } },
    additionalProperties: false,
  },
})

const evaluated = (rule: string, payload: unknown): Outcome =>
  run(rulesWith(registry, { r: `from: plants/#\n${rule}` }), message(payload))

function made(rule: string, payload: unknown): Uint8Array {
  const { owed, refusal } = evaluated(rule, payload)
  assert.equal(refusal?.error.message, undefined)
  return owed[0]!.payload
}

const refused = (rule: string, payload: unknown): [string | undefined, string | undefined] => {
  const { refusal } = evaluated(rule, payload)
  return [refusal?.error.code, refusal?.error.message]
}

const faultOf = (rule: string): string => {
  try {
    rulesWith(registry, { r: `from: plants/#\n${rule}` })
  } catch (thrown) {
    return (thrown as Error).message
  }
  return 'no fault'
}

const toLake = (more: string): string => `to: [{ sink: lake${more} }]\n`
const schema2 = registry.resolve('reading')!
const framed = (value: object): Uint8Array => made(toLake(', schema: reading'), value)
const binaryOf = (value: object): Uint8Array => made(toLake(', schema: reading, frame: none'), value)

describe('B4: payloads are written in the encoding of their target', () => {
  it('as Avro in the wire format of Confluent to a sink, without a frame when asked', () => {
    const bytes = framed({ device: 'd', celsius: 1.5 })
    assert.deepEqual(Buffer.from(bytes.subarray(0, 5)), Buffer.from(schema2.frame))
    assert.deepEqual(Buffer.from(bytes.subarray(5)), Buffer.from(binaryOf({ device: 'd', celsius: 1.5 })))
    assert.deepEqual(schema2.decode(bytes.subarray(5), 'a'), {
      device: 'd',
      celsius: 1.5,
      count: 0,
      raw: new Uint8Array(0),
    })
  })

  it('as Avro without a frame to subscribers, with its content type', () => {
    const { publishes } = evaluated('to: [{ publish: x, encode: avro, schema: reading }]\n', {
      device: 'd',
      celsius: 1,
    })
    assert.deepEqual(Buffer.from(publishes[0]!.payload), Buffer.from(binaryOf({ device: 'd', celsius: 1 })))
    assert.deepEqual(publishes[0]!.properties, { contentType: 'application/avro' })
  })

  it('with the schema id in a header', () => {
    const { owed } = evaluated(toLake(', schema: reading, frame: header'), { device: 'd', celsius: 1 })
    assert.deepEqual(owed[0]!.headers, [
      ['__value_schema_id', schema2.frame],
      ['content-type', 'application/avro'],
    ])
    assert.deepEqual(Buffer.from(owed[0]!.payload), Buffer.from(binaryOf({ device: 'd', celsius: 1 })))
  })

  it('with a content type that the rule may overrule', () => {
    const headers = (more: string) => evaluated(toLake(`, encode: cbor${more}`), {}).owed[0]!.headers
    assert.deepEqual(headers(''), [['content-type', 'application/cbor']])
    assert.deepEqual(headers(', headers: { Content-Type: x, a: b }'), [
      ['Content-Type', 'x'],
      ['a', 'b'],
    ])
    assert.deepEqual(headers(', headers: { a: b }'), [
      ['a', 'b'],
      ['content-type', 'application/cbor'],
    ])
  })

  it('as MessagePack and CBOR, with bytes, times and integers of expressions', () => {
    const set = 'set: { b: \'b"ab"\', i: "9007199254740993", t: time, gone: null }\n'
    for (const [name, codec] of [
      ['msgpack', messagePack],
      ['cbor', cbor],
    ] as const) {
      const read = codec.decode(made(set + toLake(`, encode: ${name}`), { n: 1, gone: 2 })) as { b: Uint8Array }
      const expected = { n: 1, b: Buffer.from('ab'), i: 9007199254740993n, t: '2026-01-02T00:00:00Z' }
      assert.deepEqual({ ...read, b: Buffer.from(read.b) }, expected)
    }
  })

  it('whatever expressions give: unsigned integers, spans, types, keys that are no text, inside of lists and items', () => {
    const value = '[[1u, "x"], {1: "a", 2: 3}, duration("90s"), type(1), 18446744073709551615u]'
    const expected = '[[1,"x"],{"1":"a","2":3},"90s","int",18446744073709551615]'
    assert.equal(String(made(`set: { v: '${value}' }\n${toLake('')}`, {})), `{"v":${expected}}`)
    assert.equal(String(made(`payload: '${value}'\n${toLake(', encode: json')}`, {})), expected)
    const each = evaluated(`for_each: '${value}'\n${toLake(', encode: json')}`, {}).owed.map((one) =>
      String(one.payload),
    )
    assert.equal(`[${each.join()}]`, expected)
    const packed = messagePack.decode(made(`payload: '${value}'\n${toLake(', encode: msgpack')}`, {})) as unknown[]
    assert.deepEqual(packed, [[1, 'x'], { 1: 'a', 2: 3 }, '90s', 'int', 2n ** 64n - 1n])
  })

  it('as lines of CSV', () => {
    const csv = ', encode: { format: csv, columns: [n, s], header: true }'
    assert.equal(String(made(toLake(csv), [{ s: 'x', n: 1 }, { n: 2 }])), 'n,s\n1,x\n2,\n')
  })

  it('once for all targets that are written alike', () => {
    const { owed } = evaluated(
      'to: [{ sink: lake, schema: reading }, { sink: records, encode: avro, schema: reading@2 }, { sink: records, encode: cbor }]\n',
      { device: 'd', celsius: 1 },
    )
    assert.equal(owed[0]!.payload, owed[1]!.payload)
    assert.notEqual(owed[0]!.payload, owed[2]!.payload)
  })

  it('B6: what does not fit the schema of a target is refused, naming field and schema', () => {
    const wrong = { device: 'd', celsius: 'hot' }
    const expected = ['E401', 'payload.celsius must be a number, not "hot" (schema reading@2)']
    assert.deepEqual(refused(toLake(', schema: reading'), wrong), expected)
    assert.deepEqual(refused(toLake(', encode: json, schema: strict'), { device: 'd', x: 1 }), [
      'E401',
      'payload.x is not allowed (schema strict@1)',
    ])
    assert.deepEqual(refused(`set: { celsius: null }\n${toLake(', schema: reading')}`, { device: 'd', celsius: 1 }), [
      'E401',
      'payload.celsius is missing (schema reading@2)',
    ])
  })

  it('a removed field is no field of the schema of a target', () => {
    const bytes = made(`set: { x: null }\n${toLake(', encode: json, schema: strict')}`, { device: 'd', x: 1 })
    assert.deepEqual(jsonOf(bytes), { device: 'd' })
  })
})

describe('B4: payloads are read as the rule says', () => {
  it('by the format of the schema: Avro, with its bytes and whole numbers', () => {
    const given = binaryOf({ device: 'd', celsius: 1.5, count: 7, raw: 'YWI=' })
    const bytes = made(`schema: reading\nset: { count: payload.count + 1 }\n${toLake(', encode: json')}`, given)
    assert.equal(jsonOf(bytes) !== null && (jsonOf(bytes) as { count: number }).count, 8)
  })

  it('by the format of the schema: Protobuf, the first message or the one that is named, framed and not', () => {
    const set = 'set: { count: payload.count + 1, raw: payload.raw + b"c" }\n'
    const value = { head: { id: 7 }, raw: 'YWI=', count: 1 }
    for (const frame of ['none', 'confluent']) {
      const given = made(toLake(`, schema: signal, frame: ${frame}`), value)
      const back = jsonOf(made(`schema: signal\n${set}${toLake(', encode: json')}`, given))
      assert.deepEqual(back, { head: { id: 7 }, raw: 'YWJj', count: 2 })
    }
    const head = made(toLake(', schema: signal#p.Head'), { id: 9 })
    assert.deepEqual(jsonOf(made(`decode: confluent\n${toLake(', encode: json')}`, head)), { id: 9 })
  })

  it('also in a frame of any version of the subject', () => {
    const old = made(toLake(', schema: reading@1'), { device: 'old', celsius: 1 })
    for (const given of [framed({ device: 'new', celsius: 1 }), old]) {
      assert.match(String(made(`schema: reading\n${toLake(', encode: json')}`, given)), /"device":"(new|old)"/)
    }
  })

  it('as plain JSON that the schema of a binary format judges', () => {
    const rule = `schema: reading\ndecode: json\n${toLake('')}`
    assert.deepEqual(jsonOf(made(rule, { device: 'd', celsius: 1 })), { device: 'd', celsius: 1 })
    assert.equal(refused(rule, { device: 'd' })[1], 'payload.celsius is missing (schema reading@2)')
  })

  it('by the schema that the payload names', () => {
    const rule = `decode: confluent\nwhere: payload.celsius > 1\n${toLake(', encode: json')}`
    assert.match(String(made(rule, framed({ device: 'd', celsius: 1.5 }))), /"celsius":1.5/)
    const unknown = Buffer.from('00000000070102', 'hex')
    assert.deepEqual(refused(rule, unknown), ['E402', 'payload names schema id 7, which the registry does not know'])
    assert.match(refused(rule, { device: 'd' })[1] ?? '', /^payload is not in Confluent's wire format/)
  })

  it('by the schema that the payload names, of the subject that the rule names', () => {
    const rule = `decode: confluent\nschema: reading\n${toLake('')}`
    const other = made(toLake(', schema: other'), { x: 1 })
    assert.deepEqual(refused(rule, other), ['E402', 'payload is of schema other@1, not of reading'])
  })

  it('as MessagePack, CBOR and CSV', () => {
    const rule = (name: string) => `decode: ${name}\nset: { n: payload.n + 1 }\n${toLake(', encode: json')}`
    assert.equal(String(made(rule('msgpack'), messagePack.encode({ n: 1 }))), '{"n":2}')
    assert.equal(String(made(rule('cbor'), cbor.encode({ n: 1 }))), '{"n":2}')
    const csv = `decode: { format: csv, columns: { n: int, s: text }, lines: one }\nset: { n: payload.n + 1 }\n`
    assert.equal(String(made(csv + toLake(', encode: json'), Buffer.from('7,x'))), '{"n":8,"s":"x"}')
  })

  it('as bytes', () => {
    const rule = `decode: raw\npayload: { size: size(payload) }\n${toLake('')}`
    assert.equal(String(made(rule, Buffer.from([1, 2, 3]))), '{"size":3}')
  })

  it('and refused with the reason when that cannot be', () => {
    const rule = (name: string) => `decode: ${name}\nwhere: payload.n == 1\n${toLake('')}`
    const broken = Buffer.from('c1', 'hex')
    for (const [name, expected] of [
      ['msgpack', /^payload is not valid MessagePack: /],
      ['cbor', /^payload is not valid CBOR: /],
      ['csv', /^payload is not valid CSV: /],
    ] as const) {
      const [code, reason] = refused(
        name === 'csv' ? rule(name).replace('payload.n', 'payload[0].n') : rule(name),
        broken,
      )
      assert.equal(code, 'E402')
      assert.match(reason ?? '', expected)
    }
    assert.equal(refused(`schema: reading\n${toLake('')}`, Buffer.from([4]))[0], 'E401')
  })

  it('once by each way of reading, however many rules read it', () => {
    let decoded = 0
    const counting = {
      ...registry,
      list: () => registry.list(),
      unframe: (bytes: Uint8Array) => registry.unframe(bytes),
      resolve: (name: string) => {
        const schema = registry.resolve(name)!
        const decode = (bytes: Uint8Array, topic: string) => {
          decoded++
          return schema.decode(bytes, topic)
        }
        counted ??= Object.assign(Object.create(schema), { decode })
        return counted as typeof schema
      },
    }
    let counted: unknown
    const reads = (more: string) => `from: plants/#\n${more}to: [{ sink: lake, encode: json }]\n`
    const files = { a: reads('schema: reading\n'), b: reads('decode: raw\n'), c: reads('schema: reading\n') }
    const { owed } = run(rulesWith(counting, files), message(binaryOf({ device: 'd', celsius: 1 })))
    assert.equal(owed.length, 3)
    assert.equal(decoded, 1)
  })
})

describe('B1: faults of encodings are found at load', () => {
  const faults: [rule: string, expected: string][] = [
    [toLake(', encode: avro'), 'rules/r.yaml:2:28  E208  encode: avro needs a schema of that format; there is none'],
    [
      `schema: strict\n${toLake(', encode: avro')}`,
      "rules/r.yaml:3:28  E208  encode: avro needs a schema of that format; the rule's own, strict@1, is json-schema",
    ],
    [toLake(', schema: readin'), 'rules/r.yaml:2:28  E208  unknown schema `readin` (did you mean `reading`?)'],
    [
      toLake(', encode: json, frame: confluent'),
      'rules/r.yaml:2:41  E201  frame: confluent names a schema, and json here has none: add `schema:`',
    ],
    [
      'to: [{ publish: x, schema: reading, frame: header }]\n',
      'rules/r.yaml:2:44  E201  frame: header is for sinks; what is published has no headers',
    ],
    [
      `set: { device: topic, celsus: "1" }\n${toLake(', schema: reading')}`,
      'rules/r.yaml:2:23  E217  schema reading@2 has no field `celsus`, so it would be left out (did you mean `celsius`?)',
    ],
    [
      'to:\n  - sink: lake\n    schema: signal\n    payload: { head: { id: "1", idd: "2" }, count: "1" }\n',
      'rules/r.yaml:5:33  E217  schema signal@1 has no field `idd`, so it would be left out (did you mean `id`?)',
    ],
    [
      `set: { celsius: topic }\n${toLake(', schema: reading')}`,
      'rules/r.yaml:2:17  E204  `celsius` in schema reading@2: expected a number, not string',
    ],
    [
      'to:\n  - sink: lake\n    schema: signal\n    payload: { head: { id: size(topic) }, count: [1] }\n',
      'rules/r.yaml:5:50  E204  `count` in schema signal@1: expected an int, not list',
    ],
    [
      `decode: msgpak\n${toLake('')}`,
      'rules/r.yaml:2:9  E201  decode: expected one of json, avro, protobuf, sparkplug, msgpack, cbor, csv, raw, confluent (did you mean `msgpack`?)',
    ],
    [
      `decode: avro\n${toLake('')}`,
      'rules/r.yaml:2:9  E208  decode: avro needs a `schema:` of that format; this rule has none',
    ],
    [
      `decode: raw\nschema: strict\n${toLake('')}`,
      'rules/r.yaml:2:9  E201  decode: raw gives bytes, which no schema can judge',
    ],
    [`decode: { format: cbor, columns: [a] }\n${toLake('')}`, 'rules/r.yaml:2:25  E201  `columns` is for csv only'],
    [
      toLake(', encode: { format: csv, colums: [a] }'),
      'rules/r.yaml:2:43  E201  unknown field `to[0].encode.colums` (did you mean `columns`?)',
    ],
    [
      `decode: { format: csv, columns: [n] }\nwhere: payload[0].m == "1"\n${toLake('')}`,
      'rules/r.yaml:3:19  E217  unknown field `m` in the columns (did you mean `n`?)',
    ],
    [
      `schema: reading\nwhere: payload.celsiu > 1.0\n${toLake('')}`,
      'rules/r.yaml:3:16  E217  unknown field `celsiu` in schema reading@2 (did you mean `celsius`?)',
    ],
  ]
  for (const [rule, expected] of faults) it(expected.slice(14), () => assert.equal(faultOf(rule), expected))
})
