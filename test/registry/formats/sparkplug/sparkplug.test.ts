import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { typeNames } from '../../../../src/registry/formats/sparkplug/data-type.ts'
import { askAgainMs, type RebirthRequest } from '../../../../src/registry/formats/sparkplug/rebirth.ts'
import { Sparkplug } from '../../../../src/registry/formats/sparkplug/sparkplug.ts'
import { payloadOf, readBack } from './definition.ts'

const types = Object.fromEntries(typeNames.map((name, number) => [name, number]))
const on = (kind: string, device?: string): string =>
  `spBv1.0/plant/${kind}/line${device === undefined ? '' : `/${device}`}`

class Host {
  nowMs = 1_000_000
  readonly asked: RebirthRequest[] = []
  readonly sparkplug = new Sparkplug(() => this.nowMs)

  constructor() {
    this.sparkplug.onRebirth = (request) => this.asked.push(request)
  }

  /** The decoded payload, or the fault as `path message`. */
  take(topic: string, fields: object): unknown {
    return this.takeBytes(topic, payloadOf(fields))
  }

  takeBytes(topic: string, bytes: Uint8Array): unknown {
    const read = this.sparkplug.decode(bytes, topic)
    const { fault } = this.sparkplug
    assert.equal(read === undefined, fault !== null)
    return fault === null ? read : `${fault.path} ${fault.message}`.trim()
  }

  /** A node and a device that are alive; the next sequence number is 2. */
  born(): this {
    const bdSeq = { name: 'bdSeq', datatype: types['Int64'], long_value: 7 }
    const load = { name: 'load', alias: 1, datatype: types['Double'], double_value: 0.5 }
    const speed = { name: 'speed', alias: 2, datatype: types['Int16'], int_value: 3 }
    this.take(on('NBIRTH'), { timestamp: 1, seq: 0, metrics: [bdSeq, load] })
    this.take(on('DBIRTH', 'press'), { timestamp: 1, seq: 1, metrics: [speed] })
    return this
  }
}

const readValue = (metric: object): unknown => {
  const read = new Host().born().take(on('NDATA'), { seq: 2, metrics: [{ name: 'm', ...metric }] })
  if (typeof read === 'string') return read
  return (read as { metrics: Record<string, { value: unknown }> }).metrics['m']?.value
}

describe('B4: a Sparkplug B payload', () => {
  it('is plain data, with metrics by name and in their order', () => {
    const birth = new Host().take(on('NBIRTH'), {
      timestamp: 1_486_144_502_122,
      seq: 0,
      metrics: [
        { name: 'bdSeq', datatype: types['Int64'], long_value: 1, timestamp: 5 },
        { name: 'temperature', alias: 9, datatype: types['Float'], float_value: 0.5 },
      ],
    })
    const bdSeq = { name: 'bdSeq', value: 1, type: 'Int64', timestamp: 5 }
    const temperature = { name: 'temperature', value: 0.5, type: 'Float', alias: 9 }
    assert.deepEqual(birth, {
      kind: 'NBIRTH',
      group: 'plant',
      node: 'line',
      device: null,
      timestamp: 1_486_144_502_122,
      seq: 0,
      metrics: { bdSeq, temperature },
      list: [bdSeq, temperature],
    })
  })

  it('keeps every value of a metric that comes several times', () => {
    const historical = { name: 'load', datatype: types['Double'], is_historical: true }
    const read = new Host().born().take(on('NDATA'), {
      seq: 2,
      metrics: [
        { ...historical, timestamp: 1, double_value: 1 },
        { ...historical, timestamp: 2, double_value: 2 },
      ],
    }) as { list: unknown[]; metrics: unknown }
    const first = { name: 'load', value: 1, type: 'Double', timestamp: 1, is_historical: true }
    const second = { name: 'load', value: 2, type: 'Double', timestamp: 2, is_historical: true }
    assert.deepEqual(read.list, [first, second])
    assert.deepEqual(read.metrics, { load: second })
  })

  it('of a host’s state is its JSON, or its word before 3.0', () => {
    const state = (text: string) => new Host().takeBytes('spBv1.0/STATE/scada', Buffer.from(text))
    const rest = { kind: 'STATE', group: null, node: 'scada', device: null, seq: null, metrics: {}, list: [] }
    assert.deepEqual(state('{"online":true,"timestamp":17}'), { ...rest, online: true, timestamp: 17 })
    assert.deepEqual(state('OFFLINE'), { ...rest, online: false, timestamp: null })
    assert.equal(state('{"online":1}'), 'is no STATE message')
    assert.equal(state('{'), 'is no STATE message')
  })

  it('has names that every object inherits as plain names', () => {
    const read = new Host().take(on('NBIRTH'), {
      seq: 0,
      metrics: ['__proto__', 'constructor', 'toString'].map((name) => ({
        name,
        datatype: types['Boolean'],
        boolean_value: true,
      })),
    }) as { metrics: object }
    assert.deepEqual(Object.keys(read.metrics), ['__proto__', 'constructor', 'toString'])
    assert.equal(Object.getPrototypeOf(read.metrics), Object.prototype)
  })

  it('under another topic is a fault', () => {
    for (const topic of [
      'a/b',
      'spBv1.0/plant/NBIRTH',
      'spBv1.0/plant/XBIRTH/line',
      'spBv1.0/plant/NDATA/line/press',
      'spBv1.0/plant/DDATA/line',
      'spBv1.0/plant/DDATA/line/press/more',
    ]) {
      assert.match(String(new Host().take(topic, { seq: 0 })), /^came under .* no topic of Sparkplug B$/)
    }
  })
})

describe('B4: Sparkplug B’s data types', () => {
  const cases: readonly (readonly [type: string, wire: object, value: unknown])[] = [
    ['Int8', { int_value: 0xff }, -1],
    ['Int8', { int_value: 0xffff_ffff }, -1],
    ['Int8', { int_value: 127 }, 127],
    ['Int16', { int_value: 0xffff_8000 }, -32_768],
    ['Int32', { int_value: 0xffff_ffff }, -1],
    ['Int32', { int_value: 5 }, 5],
    ['Int64', { long_value: '18446744073709551615' }, -1],
    ['Int64', { long_value: '9223372036854775807' }, 9_223_372_036_854_775_807n],
    ['Int64', { int_value: 5 }, 5],
    ['UInt8', { int_value: 255 }, 255],
    ['UInt16', { int_value: 65_535 }, 65_535],
    ['UInt32', { int_value: 0xffff_ffff }, 0xffff_ffff],
    ['UInt32', { long_value: 0xffff_ffff }, 0xffff_ffff],
    ['UInt64', { long_value: '18446744073709551615' }, 18_446_744_073_709_551_615n],
    ['UInt64', { long_value: '9007199254740991' }, 9_007_199_254_740_991],
    ['Float', { float_value: 1.5 }, 1.5],
    ['Double', { double_value: -0.1 }, -0.1],
    ['Boolean', { boolean_value: true }, true],
    ['String', { string_value: 'grün' }, 'grün'],
    ['DateTime', { long_value: 1_486_144_502_122 }, 1_486_144_502_122],
    ['Text', { string_value: '' }, ''],
    ['UUID', { string_value: '6d8c2f6e' }, '6d8c2f6e'],
    ['Bytes', { bytes_value: Buffer.of(1, 0, 255) }, Uint8Array.of(1, 0, 255)],
    ['File', { bytes_value: Buffer.of() }, new Uint8Array(0)],
    ['Int8Array', { bytes_value: Buffer.of(0xff, 0x7b) }, [-1, 123]],
    ['Int16Array', { bytes_value: Buffer.of(0xd0, 0x8a, 0x30, 0x75) }, [-30_000, 30_000]],
    ['Int32Array', { bytes_value: Buffer.of(0xff, 0xff, 0xff, 0xff, 0xfa, 0xaf, 0xcb, 0x12) }, [-1, 315_338_746]],
    [
      'Int64Array',
      { bytes_value: Buffer.of(0xce, 0x06, 0x72, 0xac, 0x18, 0x9c, 0xba, 0xc4) },
      [-4_270_929_666_821_191_986n],
    ],
    ['UInt8Array', { bytes_value: Buffer.of(0x17, 0xfa) }, [23, 250]],
    ['UInt16Array', { bytes_value: Buffer.of(0x1e, 0x00, 0x88, 0xcc) }, [30, 52_360]],
    ['UInt32Array', { bytes_value: Buffer.of(0x34, 0, 0, 0, 0x49, 0xfb, 0x55, 0xc4) }, [52, 3_293_969_225]],
    [
      'UInt64Array',
      { bytes_value: Buffer.of(0xd9, 0x9e, 0x02, 0xd1, 0xb2, 0x76, 0x37, 0xe4) },
      [16_444_743_074_749_521_625n],
    ],
    ['FloatArray', { bytes_value: Buffer.of(0, 0, 0xc0, 0x3f) }, [1.5]],
    ['DoubleArray', { bytes_value: Buffer.of(0, 0, 0, 0, 0, 0, 0xf8, 0x3f) }, [1.5]],
    [
      'BooleanArray',
      { bytes_value: Buffer.of(12, 0, 0, 0, 0x34, 0xd0) },
      [false, false, true, true, false, true, false, false, true, true, false, true],
    ],
    ['StringArray', { bytes_value: Buffer.from('ABC\0hello\0') }, ['ABC', 'hello']],
    ['DateTimeArray', { bytes_value: Buffer.of(0xc7, 0xd0, 0x90, 0x75, 0x24, 0x01, 0, 0) }, [1_256_102_875_335]],
  ]
  for (const [type, wire, value] of cases) {
    it(`${type} reads ${JSON.stringify(wire)}`, () => {
      assert.deepEqual(readValue({ datatype: types[type], ...wire }), value)
    })
  }

  it('have null', () => {
    assert.equal(readValue({ datatype: types['Int32'], is_null: true }), null)
    assert.equal(readValue({ datatype: types['Int32'] }), null)
  })

  it('refuse what does not go with them, saying where', () => {
    const wrong: readonly (readonly [string, object, string])[] = [
      ['Int32', { string_value: 'x' }, '/metrics/0 has a string where a value of type Int32 belongs'],
      ['UInt8', { int_value: 256 }, '/metrics/0 has 256 where an integer of 8 bits belongs'],
      ['Int8', { int_value: 300 }, '/metrics/0 has 300 where a signed integer of 8 bits belongs'],
      ['Boolean', { int_value: 1 }, '/metrics/0 has a int where a value of type Boolean belongs'],
      ['Double', { long_value: 1 }, '/metrics/0 has a long where a value of type Double belongs'],
      ['Double', { dataset_value: {} }, '/metrics/0 has a data set where a value of type Double belongs'],
      ['Int16Array', { bytes_value: Buffer.of(1) }, '/metrics/0 has a Int16Array that ends within an element'],
      ['StringArray', { bytes_value: Buffer.from('x') }, '/metrics/0 has a StringArray whose last text does not end'],
      [
        'BooleanArray',
        { bytes_value: Buffer.of(255, 255, 255, 255) },
        '/metrics/0 has a BooleanArray of another length than it says',
      ],
    ]
    for (const [type, wire, fault] of wrong) assert.equal(readValue({ datatype: types[type], ...wire }), fault)
  })

  it('have tables', () => {
    const table = {
      num_of_columns: 2,
      columns: ['id', 'name'],
      types: [types['Int8'], types['String']],
      rows: [{ elements: [{ int_value: 0xff }, { string_value: 'a' }] }, { elements: [{ int_value: 2 }, {}] }],
    }
    assert.deepEqual(readValue({ datatype: types['DataSet'], dataset_value: table }), {
      columns: ['id', 'name'],
      types: ['Int8', 'String'],
      rows: [
        [-1, 'a'],
        [2, null],
      ],
    })
    const short = { ...table, rows: [{ elements: [{ int_value: 1 }] }] }
    assert.equal(
      readValue({ datatype: types['DataSet'], dataset_value: short }),
      '/metrics/0 has a data set row shorter than its columns',
    )
    assert.equal(
      readValue({ datatype: types['DataSet'], dataset_value: { ...table, num_of_columns: 3 } }),
      '/metrics/0 has a data set with other columns than types',
    )
  })

  it('have templates with parameters, and templates within', () => {
    const inner = {
      metrics: [{ name: 'deep', datatype: types['Boolean'], boolean_value: true }],
      template_ref: 'Inner',
    }
    const template = {
      version: 'v1',
      template_ref: 'Motor',
      metrics: [
        { name: 'rpm', datatype: types['Int32'], int_value: 9 },
        { name: 'in', datatype: types['Template'], template_value: inner },
      ],
      parameters: [{ name: 'index', type: types['String'], string_value: 'a' }],
    }
    assert.deepEqual(readValue({ datatype: types['Template'], template_value: template }), {
      version: 'v1',
      template_ref: 'Motor',
      is_definition: false,
      metrics: {
        rpm: { name: 'rpm', value: 9, type: 'Int32' },
        in: {
          name: 'in',
          type: 'Template',
          value: {
            version: null,
            template_ref: 'Inner',
            is_definition: false,
            metrics: { deep: { name: 'deep', value: true, type: 'Boolean' } },
            parameters: {},
          },
        },
      },
      parameters: { index: { value: 'a', type: 'String' } },
    })
  })

  it('have properties, and sets of them', () => {
    const metric = {
      name: 'm',
      datatype: types['Int8'],
      int_value: 1,
      metadata: { content_type: 'x', size: 3, is_multi_part: true },
      properties: {
        keys: ['quality', 'set', 'sets', 'gone'],
        values: [
          { type: types['Int32'], int_value: 192 },
          {
            type: types['PropertySet'],
            propertyset_value: { keys: ['k'], values: [{ type: types['Boolean'], boolean_value: false }] },
          },
          { type: types['PropertySetList'], propertysets_value: { propertyset: [{ keys: [], values: [] }] } },
          { type: types['String'], is_null: true },
        ],
      },
    }
    const read = new Host().born().take(on('NDATA'), { seq: 2, metrics: [metric] }) as { list: unknown[] }
    assert.deepEqual(read.list, [
      {
        name: 'm',
        value: 1,
        type: 'Int8',
        metadata: { content_type: 'x', size: 3, is_multi_part: true },
        properties: {
          quality: { value: 192, type: 'Int32' },
          set: { value: { k: { value: false, type: 'Boolean' } }, type: 'PropertySet' },
          sets: { value: [{}], type: 'PropertySetList' },
          gone: { value: null, type: 'String' },
        },
      },
    ])
  })
})

describe('B4: Sparkplug B’s births', () => {
  it('name the metrics of data, each device its own', () => {
    const host = new Host().born()
    const node = host.take(on('NDATA'), { seq: 2, metrics: [{ alias: 1, double_value: 0.7 }] }) as { list: unknown }
    assert.deepEqual(node.list, [{ name: 'load', value: 0.7, type: 'Double', alias: 1 }])
    const device = host.take(on('DDATA', 'press'), { seq: 3, metrics: [{ alias: 2, int_value: 0xffff }] }) as {
      list: unknown
    }
    assert.deepEqual(device.list, [{ name: 'speed', value: -1, type: 'Int16', alias: 2 }])
  })

  it('give types to metrics that come by name without one', () => {
    const read = new Host().born().take(on('NDATA'), { seq: 2, metrics: [{ name: 'load', double_value: 1 }] }) as {
      list: unknown
    }
    assert.deepEqual(read.list, [{ name: 'load', value: 1, type: 'Double' }])
  })

  it('of one node say nothing of another', () => {
    const host = new Host().born()
    assert.equal(
      host.take('spBv1.0/plant/NDATA/other', { seq: 2, metrics: [{ alias: 1, double_value: 1 }] }),
      '/metrics/0 alias 1 is of no birth that was seen',
    )
    assert.equal(host.take('spBv1.0/other/NDATA/line', { seq: 2 }), 'came before the birth of node other/line')
    assert.deepEqual(
      host.asked.map(({ topic }) => topic),
      ['spBv1.0/plant/NCMD/other', 'spBv1.0/other/NCMD/line'],
    )
  })

  it('are asked for when data comes before them, with a command the node knows', () => {
    const host = new Host()
    assert.equal(host.take(on('DDATA', 'press'), { seq: 5, metrics: [] }), 'came before the birth of node plant/line')
    const [request] = host.asked
    assert.equal(request?.topic, 'spBv1.0/plant/NCMD/line')
    assert.deepEqual(readBack(request.payload), {
      timestamp: '1000000',
      metrics: [
        { name: 'Node Control/Rebirth', timestamp: '1000000', datatype: types['Boolean'], boolean_value: true },
      ],
    })
  })

  it('are asked for seldom, and anew once they have come', () => {
    const host = new Host()
    const data = () => host.take(on('NDATA'), { seq: 5 })
    data()
    data()
    host.nowMs += askAgainMs - 1
    data()
    assert.equal(host.asked.length, 1)
    host.nowMs += 1
    data()
    assert.equal(host.asked.length, 2)
    host.born()
    host.take(on('NDEATH'), { metrics: [{ name: 'bdSeq', datatype: types['Int64'], long_value: 7 }] })
    data()
    assert.equal(host.asked.length, 3)
  })

  it('of a device are asked for, too, and an alias nobody has told', () => {
    const host = new Host().born()
    assert.equal(host.take(on('DDATA', 'saw'), { seq: 2 }), 'came before the birth of device plant/line/saw')
    assert.equal(
      host.take(on('DDATA', 'press'), { seq: 3, metrics: [{ alias: 99, int_value: 1 }] }),
      '/metrics/0 alias 99 is of no birth that was seen',
    )
    assert.equal(host.asked.length, 1)
    const next = host.take(on('DDATA', 'press'), { seq: 4, metrics: [{ alias: 2, int_value: 1 }] })
    assert.equal(typeof next, 'object', 'the messages that were not read count in the sequence')
  })

  it('end with deaths', () => {
    const host = new Host().born()
    assert.equal(typeof host.take(on('DDEATH', 'press'), { seq: 2 }), 'object')
    assert.equal(host.take(on('DDATA', 'press'), { seq: 3 }), 'came before the birth of device plant/line/press')
    const death = host.take(on('NDEATH'), { metrics: [{ name: 'bdSeq', datatype: types['Int64'], long_value: 7 }] })
    assert.equal((death as { stale?: boolean }).stale, undefined)
    assert.equal(host.take(on('NDATA'), { seq: 4 }), 'came before the birth of node plant/line')
  })

  it('are not ended by the death of an earlier life', () => {
    const host = new Host().born()
    const death = host.take(on('NDEATH'), { metrics: [{ name: 'bdSeq', datatype: types['Int64'], long_value: 6 }] })
    assert.equal((death as { stale?: boolean }).stale, true)
    assert.equal(typeof host.take(on('NDATA'), { seq: 2 }), 'object')
  })

  it('begin a life anew: devices of the one before are not born', () => {
    const host = new Host().born()
    host.take(on('NBIRTH'), { seq: 0, metrics: [] })
    assert.equal(host.take(on('DDATA', 'press'), { seq: 1 }), 'came before the birth of device plant/line/press')
  })

  it('must name their metrics', () => {
    assert.equal(
      new Host().take(on('NBIRTH'), { seq: 0, metrics: [{ alias: 1 }] }),
      '/metrics/0 alias 1 is of no birth that was seen',
    )
  })
})

describe('B4: Sparkplug B’s sequence numbers', () => {
  it('go from 0 to 255 and on from 0, over node and devices', () => {
    const host = new Host().born()
    for (let seq = 2; seq < 600; seq++) {
      const [topic, metric] = seq % 2 === 0 ? [on('NDATA'), 'load'] : [on('DDATA', 'press'), 'speed']
      const read = host.take(topic, { seq: seq % 256, metrics: [{ name: metric, is_null: true }] })
      assert.equal(typeof read, 'object', `${seq}: ${read}`)
    }
    assert.equal(host.asked.length, 0)
  })

  it('tell a gap, ask for a rebirth, and go on', () => {
    const host = new Host().born()
    assert.equal(host.take(on('NDATA'), { seq: 4 }), '/seq is 4 after a gap; 2 was expected of node plant/line')
    assert.equal(host.asked.length, 1)
    assert.equal(typeof host.take(on('NDATA'), { seq: 5 }), 'object')
  })

  it('are judged alike however often a message is read', () => {
    const host = new Host().born()
    for (let time = 0; time < 3; time++) assert.equal(typeof host.take(on('NDATA'), { seq: 2 }), 'object')
    for (let time = 0; time < 3; time++) assert.match(String(host.take(on('NDATA'), { seq: 9 })), /after a gap/)
    assert.equal(typeof host.take(on('NDATA'), { seq: 10 }), 'object')
  })

  it('must be there', () => {
    const host = new Host().born()
    assert.equal(host.take(on('NDATA'), {}), '/seq is missing')
    assert.equal(host.take(on('NDATA'), { seq: 256 }), '/seq is 256, not 0 to 255')
    assert.equal(new Host().take(on('NBIRTH'), {}), '/seq is missing')
  })

  it('are not asked of commands, which name their metrics by aliases too', () => {
    const host = new Host().born()
    const command = host.take(on('NCMD'), { metrics: [{ alias: 1, double_value: 1 }] }) as {
      list: unknown
      seq: unknown
    }
    assert.deepEqual([command.list, command.seq], [[{ name: 'load', value: 1, type: 'Double', alias: 1 }], null])
    assert.equal(
      typeof new Host().take(on('DCMD', 'press'), { metrics: [{ name: 'x', boolean_value: true }] }),
      'object',
    )
  })
})

describe('B4: Sparkplug B’s messages that no rule reads', () => {
  const aliased = { seq: 3, metrics: [{ alias: 2, int_value: 1 }] }

  it('are looked on, so that births and numbers are known', () => {
    const host = new Host()
    const watched = new Host()
    watched.born()
    const see = (topic: string, fields: object) => host.sparkplug.observe(payloadOf(fields), topic)
    see(on('NBIRTH'), { seq: 0, metrics: [] })
    see(on('DBIRTH', 'press'), { seq: 1, metrics: [{ name: 'speed', alias: 2, datatype: types['Int16'] }] })
    see(on('NDATA'), { seq: 2, metrics: [{ alias: 77 }] })
    assert.equal(typeof host.take(on('DDATA', 'press'), aliased), 'object')
    see(on('DDATA', 'press'), aliased)
    assert.equal(typeof host.take(on('DDATA', 'press'), { seq: 4, metrics: [] }), 'object')
    assert.equal(host.asked.length, 0)
  })

  it('ask for nothing, whatever they are', () => {
    const host = new Host()
    for (const topic of [on('NDATA'), on('NBIRTH'), on('NCMD'), on('DDATA', 'x'), 'spBv1.0/STATE/h', 'else']) {
      host.sparkplug.observe(Buffer.of(255, 255), topic)
      host.sparkplug.observe(payloadOf({ seq: 9, metrics: [{ alias: 5 }] }), topic)
    }
    assert.equal(host.asked.length, 0)
  })
})

describe('B4: a Sparkplug B payload by itself', () => {
  const alone = { metrics: [{ name: 'load', datatype: types['Double'], double_value: 1 }] }

  it('is read without what came before it where one message is explained', () => {
    const host = new Host()
    host.sparkplug.isTrusting = true
    const read = host.take(on('DDATA', 'press'), alone) as { list: unknown }
    assert.deepEqual(read.list, [{ name: 'load', value: 1, type: 'Double' }])
    assert.equal(host.asked.length, 0)
    assert.equal(host.sparkplug.sessions.size, 0)
  })

  it('is read without a topic, and says nothing of any node', () => {
    const host = new Host()
    const metric = { name: 'load', value: 1, type: 'Double' }
    assert.deepEqual(host.take('', alone), { timestamp: null, seq: null, metrics: { load: metric }, list: [metric] })
    assert.equal(host.take('', { metrics: [{ alias: 1 }] }), '/metrics/0 alias 1 is of no birth that was seen')
    assert.equal(host.asked.length, 0)
  })
})
