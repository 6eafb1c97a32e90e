import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { maxMetrics, maxNodes } from '../../../../src/registry/formats/sparkplug/sessions.ts'
import { Sparkplug } from '../../../../src/registry/formats/sparkplug/sparkplug.ts'
import { WireWriter } from '../../../../src/registry/formats/sparkplug/wire-writer.ts'
import { payloadOf, readBack } from './definition.ts'

const born = (): Sparkplug => {
  const sparkplug = new Sparkplug(() => 0)
  sparkplug.decode(payloadOf({ seq: 0, metrics: [{ name: 'a', alias: 1, datatype: 10 }] }), 'spBv1.0/g/NBIRTH/n')
  return sparkplug
}
const birth = (metrics: object[]): Uint8Array => payloadOf({ seq: 0, metrics })
const built = (write: (writer: WireWriter) => void): Uint8Array => {
  const writer = new WireWriter()
  write(writer)
  return writer.written
}

/** A message is decided within 10 ms; beside other work of the machine, the best of five counts. */
function decide(bytes: Uint8Array, topic = 'spBv1.0/g/NBIRTH/n'): { read: unknown; fault: string | undefined } {
  let bestMs = Number.POSITIVE_INFINITY
  let [read, fault] = [undefined as unknown, undefined as string | undefined]
  for (let time = 0; time < 5; time++) {
    const sparkplug = born()
    const began = performance.now()
    read = sparkplug.decode(bytes, topic)
    bestMs = Math.min(bestMs, performance.now() - began)
    fault = sparkplug.fault?.message
  }
  assert.ok(bestMs < 50, `took ${bestMs} ms`)
  return { read, fault }
}

describe('B4: hostile Sparkplug B payloads', () => {
  it('of any bytes at all are read or refused, never more', () => {
    const sparkplug = born()
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom('NBIRTH', 'NDATA', 'NCMD', 'NDEATH'),
        (bytes, kind) => {
          const read = sparkplug.decode(bytes, `spBv1.0/g/${kind}/n`)
          assert.equal(read === undefined, sparkplug.fault !== null)
          sparkplug.observe(bytes, `spBv1.0/g/${kind}/n`)
        },
      ),
      { numRuns: 5000 },
    )
  })

  it('of which one byte was changed are read or refused', () => {
    const whole = birth([
      {
        name: 'a',
        datatype: 19,
        template_value: {
          metrics: [{ name: 'b', datatype: 3, int_value: 1 }],
          parameters: [{ name: 'p', type: 12, string_value: 'x' }],
        },
      },
      {
        name: 'c',
        datatype: 16,
        dataset_value: { columns: ['x'], types: [9], rows: [{ elements: [{ float_value: 1 }] }] },
      },
      {
        name: 'd',
        datatype: 33,
        bytes_value: Buffer.from('a\0b\0'),
        properties: { keys: ['k'], values: [{ type: 11, boolean_value: true }] },
      },
    ])
    for (let at = 0; at < whole.length; at++) {
      for (const flip of [1, 0x80, 0xff]) {
        const bytes = Uint8Array.from(whole)
        bytes[at]! ^= flip
        const sparkplug = born()
        const read = sparkplug.decode(bytes, 'spBv1.0/g/NBIRTH/n')
        assert.equal(read === undefined, sparkplug.fault !== null)
      }
      born().decode(whole.subarray(0, at), 'spBv1.0/g/NBIRTH/n')
    }
  })

  it('with more metrics than anyone has are refused', () => {
    const { fault } = decide(
      built((writer) => {
        for (let at = 0; at < 300_000; at++) writer.bytes(2, Uint8Array.of(10, 0))
      }),
    )
    assert.equal(fault, 'has more than 50000 metrics, cells and properties')
  })

  it('with templates in templates are refused', () => {
    let template: (writer: WireWriter) => void = () => {}
    for (let depth = 0; depth < 1000; depth++) {
      const inner = template
      template = (writer) =>
        writer.nested(2, (metric) => {
          metric.string(1, 'm')
          metric.uint(4, 19)
          metric.nested(18, inner)
        })
    }
    assert.equal(decide(built(template)).fault, 'is nested deeper than 16')
  })

  it('with property sets in property sets are refused', () => {
    let set: (writer: WireWriter) => void = () => {}
    for (let depth = 0; depth < 1000; depth++) {
      const inner = set
      set = (writer) => {
        writer.string(1, 'k')
        writer.nested(2, (value) => value.nested(9, inner))
      }
    }
    const bytes = built((writer) =>
      writer.nested(2, (metric) => {
        metric.string(1, 'm')
        metric.nested(9, set)
      }),
    )
    assert.equal(decide(bytes).fault, 'is nested deeper than 16')
  })

  it('with a table of a million empty rows are refused', () => {
    const bytes = built((writer) =>
      writer.nested(2, (metric) => {
        metric.string(1, 'm')
        metric.uint(4, 16)
        metric.nested(17, (table) => {
          for (let at = 0; at < 200_000; at++) table.bytes(4, new Uint8Array(0))
        })
      }),
    )
    assert.equal(decide(bytes).fault, 'has more than 50000 metrics, cells and properties')
  })

  it('with eight million booleans are refused', () => {
    const bytes = Buffer.alloc(1_000_004)
    bytes.writeUInt32LE(8_000_000)
    assert.match(
      String(decide(birth([{ name: 'm', datatype: 32, bytes_value: bytes }])).fault),
      /more than 250000 elements/,
    )
  })

  it('with a million texts are refused', () => {
    assert.match(
      String(decide(birth([{ name: 'm', datatype: 33, bytes_value: Buffer.alloc(1_000_000) }])).fault),
      /more than 50000 texts/,
    )
  })

  it('with numbers that do not end, lengths beyond the end and text that is none are refused', () => {
    const faults: readonly (readonly [bytes: number[], fault: string])[] = [
      [[8, ...new Array(11).fill(0xff)], 'has a number longer than ten bytes'],
      [[18, 0xff, 0xff, 0xff, 0xff, 0x0f], 'ends within a field'],
      [[8], 'ends within a number'],
      [[34, 2, 0xc3, 0x28], 'has text that is not UTF-8'],
      [[11], 'has a field of wire type 3'],
      [[0, 0], 'has a field without a number'],
    ]
    for (const [bytes, fault] of faults) assert.equal(decide(Uint8Array.from(bytes)).fault, fault)
  })

  it('from more nodes than are remembered make the oldest forgotten, and it is asked again', () => {
    const sparkplug = new Sparkplug(() => 0)
    let asked = 0
    sparkplug.onRebirth = () => asked++
    const bytes = birth([])
    for (let node = 0; node <= maxNodes; node++) sparkplug.decode(bytes, `spBv1.0/g/NBIRTH/n${node}`)
    assert.equal(sparkplug.sessions.size, maxNodes)
    assert.equal(sparkplug.decode(payloadOf({ seq: 1 }), 'spBv1.0/g/NDATA/n0'), undefined)
    assert.equal(asked, 1)
    assert.notEqual(sparkplug.decode(payloadOf({ seq: 1 }), 'spBv1.0/g/NDATA/n1'), undefined)
  })

  it('with ever more metrics keep within what is remembered', () => {
    const sparkplug = new Sparkplug(() => 0)
    const bytes = birth(Array.from({ length: 20_000 }, (_, at) => ({ name: `m${at}` })))
    for (let node = 0; node < 40; node++) sparkplug.decode(bytes, `spBv1.0/g/NBIRTH/n${node}`)
    assert.equal(sparkplug.sessions.size, maxMetrics / 20_000)
  })
})

describe('B4: writing Sparkplug B', () => {
  const encode = (value: unknown): Uint8Array | string => {
    const sparkplug = new Sparkplug()
    const bytes = sparkplug.encode(value)
    return bytes ?? `${sparkplug.fault!.path} ${sparkplug.fault!.message}`
  }

  it('takes values alone, with the nearest type', () => {
    const bytes = encode({
      metrics: { on: true, name: 'x', count: 3, share: 0.5, big: 2n ** 63n, raw: Uint8Array.of(1) },
    })
    assert.ok(bytes instanceof Uint8Array)
    assert.deepEqual(readBack(bytes)['metrics'], [
      { name: 'on', datatype: 11, boolean_value: true },
      { name: 'name', datatype: 12, string_value: 'x' },
      { name: 'count', datatype: 4, long_value: '3' },
      { name: 'share', datatype: 10, double_value: 0.5 },
      { name: 'big', datatype: 8, long_value: '9223372036854775808' },
      { name: 'raw', datatype: 17, bytes_value: [1] },
    ])
  })

  it('says where a value does not fit', () => {
    const faults: readonly (readonly [value: unknown, fault: string])[] = [
      [7, ' must be an object'],
      [{ metrics: { m: { type: 'Int8', value: 128 } } }, '/metrics/m/value must be an integer that fits type Int8'],
      [{ metrics: { m: { type: 'UInt64', value: -1 } } }, '/metrics/m/value must be an integer that fits type UInt64'],
      [{ metrics: { m: { type: 'Int32', value: 1.5 } } }, '/metrics/m/value must be an integer that fits type Int32'],
      [
        { metrics: { 'a/b': { type: 'Integer', value: 1 } } },
        '/metrics/a~1b/type is no data type of Sparkplug B: "Integer"',
      ],
      [{ metrics: { m: { value: {} } } }, '/metrics/m has no type, and its value does not tell'],
      [{ list: [{ value: 1 }] }, '/list/0 has neither a name nor an alias'],
      [
        { metrics: { m: { type: 'FloatArray', value: ['x'] } } },
        '/metrics/m/value must be a list that fits type FloatArray',
      ],
      [
        { metrics: { m: { type: 'DataSet', value: { columns: ['a'], types: [] } } } },
        '/metrics/m/value must have as many types as columns',
      ],
      [{ timestamp: -1 }, '/timestamp must be an integer from 0'],
      [{ body: 'x' }, '/body must be bytes'],
    ]
    for (const [value, fault] of faults) assert.equal(encode(value), fault)
  })

  it('writes what was read, so that it reads the same', () => {
    const whole = payloadOf({
      timestamp: '18446744073709551615',
      seq: 0,
      uuid: 'u',
      body: Buffer.of(1),
      metrics: [
        {
          name: 'i8',
          datatype: 1,
          int_value: 0xffff_ffff,
          timestamp: 5,
          is_historical: true,
          is_transient: true,
          alias: 3,
        },
        { name: 'i64', datatype: 4, long_value: '18446744073709551615' },
        { name: 'u64', datatype: 8, long_value: '18446744073709551615' },
        { name: 'null', datatype: 10, is_null: true },
        {
          name: 'file',
          datatype: 18,
          bytes_value: Buffer.of(9),
          metadata: {
            file_name: 'f',
            md5: 'm',
            size: 1,
            seq: 0,
            is_multi_part: true,
            description: 'd',
            file_type: 't',
            content_type: 'c',
          },
        },
        {
          name: 'table',
          datatype: 16,
          dataset_value: {
            columns: ['a', 'b'],
            types: [9, 11],
            num_of_columns: 2,
            rows: [{ elements: [{ float_value: 1.5 }, {}] }],
          },
        },
        {
          name: 'template',
          datatype: 19,
          template_value: {
            version: '1',
            is_definition: true,
            metrics: [{ name: 'x', datatype: 3, int_value: 1 }],
            parameters: [
              { name: 'p', type: 7, int_value: 2 },
              { name: 'q', type: 12 },
            ],
          },
        },
        {
          name: 'properties',
          datatype: 11,
          boolean_value: false,
          properties: {
            keys: ['a', 'b', 'c'],
            values: [
              { type: 3, int_value: 0xffffffff },
              { type: 20, propertyset_value: { keys: ['k'], values: [{ type: 12, string_value: 's' }] } },
              { type: 21, propertysets_value: { propertyset: [{ keys: [], values: [] }] } },
            ],
          },
        },
        ...[22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 34].map((datatype) => ({
          name: `array${datatype}`,
          datatype,
          bytes_value: Buffer.alloc(16, 0xa5),
        })),
        { name: 'array32', datatype: 32, bytes_value: Buffer.of(9, 0, 0, 0, 0xaa, 0x80) },
        { name: 'array33', datatype: 33, bytes_value: Buffer.from('a\0\0') },
      ],
    })
    const sparkplug = new Sparkplug()
    const read = sparkplug.decode(whole, 'spBv1.0/g/NBIRTH/n')
    assert.equal(sparkplug.fault, null)
    assert.equal(sparkplug.check(read), null)
    const written = sparkplug.encode(read)
    assert.ok(written !== null)
    assert.deepEqual(sparkplug.decode(written, 'spBv1.0/g/NBIRTH/n'), read)
    assert.deepEqual(readBack(written)['metrics'], readBack(whole)['metrics'])
  })

  it('reads any integer it has written', () => {
    const sparkplug = new Sparkplug()
    const integers = fc.oneof(
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => ['Int64', value] as const),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => ['UInt64', value] as const),
      fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 }).map((value) => ['Int16', value] as const),
    )
    fc.assert(
      fc.property(integers, ([type, value]) => {
        const bytes = sparkplug.encode({ seq: 0, metrics: { m: { type, value } } })!
        const read = sparkplug.decode(bytes, 'spBv1.0/g/NBIRTH/n') as { metrics: { m: { value: number | bigint } } }
        assert.equal(BigInt(read.metrics.m.value), BigInt(value))
      }),
    )
  })
})
