import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cborDecoder, csvDecoder, jsonDecoder, messagePackDecoder } from '../../src/engine/encoding/decoders.ts'
import type { PayloadDecoder } from '../../src/engine/expression/payload.ts'
import { failed } from '../../src/engine/expression/value.ts'
import { Sparkplug } from '../../src/registry/formats/sparkplug/sparkplug.ts'
import { messageWith } from '../engine/expression/run.ts'
import { load, message, registryOf, run } from '../engine/rules.ts'
import { defuse } from './bomb.ts'

const times = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at))
const bytes = (...all: number[]): Uint8Array => Uint8Array.from(all)
const repeated = (count: number, ...some: number[]): Uint8Array => Uint8Array.from(times(count, () => some).flat())
const text = (value: string): Uint8Array => new Uint8Array(Buffer.from(value))
const named = (name: string): number[] => [...Buffer.from(name)]

const csv = csvDecoder({ columns: null, delimiter: ',', header: true, lines: 'many' }, registryOf())

/** `read`: it is data after all; `refused`: with E402. */
const payloads: readonly (readonly [
  name: string,
  ends: 'read' | 'refused',
  decoder: PayloadDecoder,
  payload: Uint8Array,
])[] = [
  ['JSON of lists in lists', 'read', jsonDecoder, text('['.repeat(20_000) + ']'.repeat(20_000))],
  ['JSON of objects in objects', 'read', jsonDecoder, text(`${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`)],
  ['JSON without an end', 'refused', jsonDecoder, text('['.repeat(20_000))],
  ['a number of digits without end', 'read', jsonDecoder, text('9'.repeat(100_000))],
  ['a number beyond all', 'read', jsonDecoder, text('1e999999999')],
  ['JSON that is not UTF-8', 'refused', jsonDecoder, bytes(0x22, 0xff, 0x22)],
  ['the same name over and over', 'read', jsonDecoder, text(`{${times(10_000, () => '"k":0').join()}}`)],
  [
    'names that are large numbers',
    'read',
    jsonDecoder,
    text(`{${times(2_000, (at) => `"${at * 2_000_000}":0`).join()}}`),
  ],
  ['names of JavaScript in JSON', 'read', jsonDecoder, text('{"__proto__":{"x":1},"constructor":{"prototype":1}}')],
  ['MessagePack of lists in lists', 'refused', messagePackDecoder, repeated(50_000, 0x91)],
  ['MessagePack of maps in maps', 'refused', messagePackDecoder, repeated(50_000, 0x81, 0xa1, 0x61)],
  ['a list of billions', 'refused', messagePackDecoder, bytes(0xdd, 0xff, 0xff, 0xff, 0xff)],
  [
    'lists that each announce a hundred thousand',
    'refused',
    messagePackDecoder,
    repeated(20_000, 0xdd, 0x00, 0x01, 0x86, 0xa0),
  ],
  ['maps that each announce thousands', 'refused', messagePackDecoder, repeated(20_000, 0xde, 0x40, 0x00)],
  ['a text of billions', 'refused', messagePackDecoder, bytes(0xdb, 0xff, 0xff, 0xff, 0xff)],
  ['an extension of billions', 'refused', messagePackDecoder, bytes(0xc9, 0xff, 0xff, 0xff, 0xff, 1)],
  ['names of JavaScript in MessagePack', 'refused', messagePackDecoder, bytes(0x81, 0xa9, ...named('__proto__'), 1)],
  ['CBOR of lists in lists', 'refused', cborDecoder, repeated(50_000, 0x81)],
  ['CBOR of lists without a length', 'refused', cborDecoder, repeated(50_000, 0x9f)],
  ['a CBOR list of billions', 'refused', cborDecoder, bytes(0x9b, 0x00, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)],
  ['CBOR tags of tags', 'refused', cborDecoder, repeated(50_000, 0xc1)],
  [
    'a CBOR integer of a million bits',
    'refused',
    cborDecoder,
    bytes(0xc2, 0x5a, 0x00, 0x00, 0xc3, 0x50, ...times(50_000, () => 0xff)),
  ],
  ['names of JavaScript in CBOR', 'read', cborDecoder, bytes(0xa1, 0x69, ...named('__proto__'), 1)],
  ['CSV of lines without end', 'refused', csv, text(`a,b\n${'1,2\n'.repeat(30_000)}`)],
  ['CSV of columns without end', 'refused', csv, text(','.repeat(50_000))],
  ['a CSV quote without an end', 'refused', csv, text(`a,b\n"${'x'.repeat(50_000)}`)],
  ['names of JavaScript in CSV', 'read', csv, text('__proto__,constructor\n1,2\n')],
]

describe('B2: no payload', () => {
  for (const [name, ends, decoder, payload] of payloads) {
    it(`blocks: ${name}`, () => {
      const given = messageWith(payload)
      const value = defuse('decoding', () => decoder.decode(given))
      assert.equal(value === failed ? 'refused' : 'read', ends, value === failed ? decoder.fault.reason : '')
      if (value === failed) assert.equal(decoder.fault.code, 'E402')
      assert.equal(({} as { x?: unknown }).x, undefined)
    })
  }
})

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))]
/** A field of bytes. */
const field = (number: number, inside: readonly number[]): number[] => [
  ...varint(number * 8 + 2),
  ...varint(inside.length),
  ...inside,
]
const metric = (name: string, type: number, ...rest: number[]): number[] =>
  field(2, [...field(1, named(name)), 32, type, ...rest])
const wrapped = (depth: number, wrap: (inside: number[]) => number[]): number[] => {
  let made: number[] = []
  for (let at = 0; at < depth; at++) made = wrap(made)
  return made
}
const birth = 'spBv1.0/g/NBIRTH/n'

const sparkplugs: readonly (readonly [name: string, topic: string, payload: Uint8Array])[] = [
  ['thousands of metrics', birth, bytes(...times(3_000, (at) => metric(`m${at}`, 3, 80, 1)).flat(), 24, 0)],
  ['metrics of nothing', birth, repeated(50_000, 0x12, 0)],
  ['templates in templates', birth, bytes(...wrapped(400, (inside) => metric('a', 19, ...field(18, inside))), 24, 0)],
  [
    'properties in properties',
    birth,
    bytes(
      ...metric('a', 3, ...wrapped(400, (inside) => field(9, [...field(1, [0x61]), ...field(2, [8, 20, ...inside])]))),
      24,
      0,
    ),
  ],
  [
    'a table of billions of columns',
    birth,
    bytes(
      ...metric('a', 16, ...field(17, [8, ...varint(1_000_000_000), ...times(5_000, () => field(4, [])).flat()])),
      24,
      0,
    ),
  ],
  ['a list of billions of bits', birth, bytes(...metric('a', 32, ...field(16, [0xff, 0xff, 0xff, 0xff, 1])), 24, 0)],
  ['a length of billions', birth, bytes(0x12, 0xff, 0xff, 0xff, 0xff, 0x7f)],
  ['groups in groups', birth, repeated(50_000, 0x0b)],
  ['names of JavaScript', 'spBv1.0/__proto__/NBIRTH/constructor', bytes(...metric('__proto__', 3, 80, 1), 24, 0)],
  ['data of a node that nobody knows', 'spBv1.0/g/NDATA/x', bytes(...metric('a', 3, 80, 1), 24, 1)],
  ['a topic of thousands of levels', `spBv1.0/${'g/'.repeat(30_000)}`, bytes()],
]

describe('B4: no Sparkplug payload', () => {
  for (const [name, topic, payload] of sparkplugs) {
    it(`blocks: ${name}`, () => {
      const body = new Sparkplug()
      const value = defuse('decoding', () => body.decode(payload, topic))
      assert.ok(value !== undefined || body.fault !== null)
      assert.equal(({} as { metrics?: unknown }).metrics, undefined)
    })
  }
})

/** What rules do with a payload that nests: each ends with a delivery or a refusal. */
const rules: Readonly<Record<string, string>> = {
  'sent on': 'to: [{ sink: records }]',
  compared: 'where: payload.p in [payload, payload.p]\nto: [{ sink: records }]',
  'set in another': 'set: { x: payload.p }\nto: [{ sink: records }]',
  'made of': 'payload: { x: payload }\nto: [{ sink: records }]',
  'of a known type': 'set: { x: "[dyn(payload), 1u]" }\nto: [{ sink: records }]',
  'written as text': 'set: { x: to_json(payload) }\nto: [{ sink: records }]',
  shown: 'set: { x: "\'%s\'.format([payload])" }\nto: [{ sink: records }]',
  'made flat': 'set: { x: "[payload.p].flatten(256).size()" }\nto: [{ sink: records }]',
  'written as MessagePack': 'to: [{ sink: records, encode: msgpack }]',
  'written as CBOR': 'to: [{ sink: records, encode: cbor }]',
  'compared with the last': 'changed: { value: payload.p }\nto: [{ sink: records }]',
}

describe('B2: no payload that nests blocks a rule in which it is', () => {
  for (const [name, rule] of Object.entries(rules)) {
    it(name, () => {
      const set = load({ r: `from: plants/#\n${rule}\n` })
      for (const [open, close] of [
        ['{"p":', '}'],
        ['[', ']'],
      ] as const) {
        for (const depth of [300, 3_000, 10_000]) {
          const given = message(text(`{"p":${open.repeat(depth)}1${close.repeat(depth)}}`))
          const { refusal, owed } = defuse(`${depth} levels`, () => run(set, given))
          assert.ok(refusal === null ? owed.length < 2 : /^E40[1-3]$/.test(refusal.error.code))
        }
      }
    })
  }
})
