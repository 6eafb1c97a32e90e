import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  asciiHeadersOf,
  type Delivery,
  type Header,
  headersOf,
  headerTable,
  hopsThrough,
  type Message,
  type MessageProperties,
  readHeaders,
  textHeadersOf,
  wentThrough,
} from 'trestle/contract'
import { deliveries } from '../support/delivery.ts'

/** What MQTT allows in text: Unicode without NUL. */
const text = fc.string({ unit: 'grapheme', maxLength: 12 }).map((value) => value.replaceAll('\0', ''))
const oddNames = fc.constantFrom(
  '',
  '*',
  'name*',
  'Name',
  'content-type',
  'Content-Type',
  'mqtt-topic',
  'mqtt-topic*',
  'mqtt-user',
  'mqtt-user-x',
  'mqtt-user-x*',
  'mqtt-correlation-data',
  'trestle-id',
  'trestle-other',
  'with space',
  'größe',
  '__proto__',
  'constructor',
)
const oddValues = fc.constantFrom(
  '',
  ' ',
  ' x',
  'a,b',
  '"',
  '\\',
  '50%',
  '%41',
  '%zz',
  'grüße',
  '[["a","b"]]',
  '\r\nx: y',
)
const user = fc.array(fc.tuple(fc.oneof(oddNames, text), fc.oneof(oddValues, text)), { maxLength: 5 })
const properties = fc.record(
  {
    payloadFormat: fc.constantFrom(0 as const, 1 as const),
    expirySeconds: fc.nat({ max: 0xff_ff_ff_ff }),
    contentType: fc.oneof(oddValues, text),
    responseTopic: text.filter((topic) => topic !== ''),
    correlationData: fc.uint8Array({ maxLength: 20 }),
    user,
  },
  { requiredKeys: [] },
) as fc.Arbitrary<MessageProperties>
const message = fc.record({
  topic: text.filter((topic) => topic !== ''),
  qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
  retain: fc.boolean(),
  client: text,
  timeMs: fc.nat({ max: 2_000_000_000_000 }),
  properties: fc.option(properties),
}) as fc.Arbitrary<Pick<Message, 'topic' | 'qos' | 'retain' | 'client' | 'timeMs' | 'properties'>>

const delivery = (fields: Partial<Message>, headers: readonly Header[] = []): Delivery =>
  deliveries('here')({ message: fields, headers })

/** Properties in one form, to be compared; the hop list aside. */
function plain(given: MessageProperties | null): unknown {
  const { user: pairs = [], correlationData, ...rest } = given ?? {}
  const kept = pairs.filter(([name]) => name !== 'trestle-hops')
  return { ...rest, user: kept, correlationData: correlationData === undefined ? null : [...correlationData] }
}

const variants: Record<string, (delivery: Delivery, hub: string) => Header[]> = {
  headersOf,
  textHeadersOf,
  asciiHeadersOf,
  // Kafka gives back bytes where text went in.
  'headersOf, all as bytes': (given, hub) =>
    headersOf(given, hub).map(([name, value]) => [name, typeof value === 'string' ? Buffer.from(value) : value]),
  // HTTP gives back names in small letters.
  'asciiHeadersOf, names in small letters': (given, hub) =>
    asciiHeadersOf(given, hub).map(([name, value]) => [name.toLowerCase(), value]),
}

describe('A11: a message', () => {
  for (const [name, write] of Object.entries(variants)) {
    test(`comes back from its headers as it was, but for the hop list: ${name}`, () => {
      fc.assert(
        fc.property(message, (given) => {
          const read = readHeaders(write(delivery(given), 'here'), given.timeMs)
          const { properties: before, ...fields } = given
          const { properties: after, ...carried } = read
          assert.deepEqual(carried, fields)
          assert.deepEqual(plain(after), plain(before))
          assert.ok(wentThrough(after, 'here'))
        }),
        { numRuns: 400 },
      )
    })
  }

  test('is written with ASCII names, each once, and ASCII values where the system has no more', () => {
    fc.assert(
      fc.property(message, (given) => {
        const names = asciiHeadersOf(delivery(given), 'here').map(([name, value]) => {
          assert.match(name, /^[a-z0-9_.-]+\*?$/)
          assert.match(value, /^[ -~]*$/)
          assert.doesNotMatch(value, /["\\,]/)
          return name
        })
        assert.equal(new Set(names).size, names.length)
      }),
    )
  })

  test('carries the headers its rule names behind its own', () => {
    const headers = headersOf(delivery({}, [['plant', 'oslo']]), 'here')
    assert.deepEqual(headers.at(-1), ['plant', 'oslo'])
    assert.deepEqual(readHeaders(headers, 0).properties?.user?.at(-1), ['plant', 'oslo'])
  })

  test('that will expire still does so at the same moment', () => {
    const headers = headersOf(delivery({ timeMs: 1_000_000, properties: { expirySeconds: 60 } }), 'here')
    for (const readMs of [1_000_000, 1_020_000, 9_000_000]) {
      const { timeMs, properties } = readHeaders(headers, readMs)
      assert.equal(timeMs! + properties!.expirySeconds! * 1000, 1_060_000, `read at ${readMs}`)
    }
    const timeless = headers.filter(([name]) => name !== 'mqtt-time')
    assert.equal(readHeaders(timeless, 1_020_000).properties?.expirySeconds, 40)
    assert.equal(readHeaders(timeless, 9_000_000).properties?.expirySeconds, 0)
  })
})

describe('A10: a list of hops', () => {
  test('grows by each hub, the origin first', () => {
    let carried: MessageProperties | null = null
    for (const hub of ['a', 'b', 'c']) {
      assert.equal(wentThrough(carried, hub), false)
      carried = readHeaders(headersOf(delivery({ properties: carried }), hub), 0).properties
      assert.equal(wentThrough(carried, hub), true)
    }
    assert.deepEqual(carried?.user, [['trestle-hops', 'a b c']])
  })

  test('is read whole where a peer has added a second one', () => {
    const both: MessageProperties = {
      user: [
        ['trestle-hops', 'a b'],
        ['x', 'y'],
        ['trestle-hops', 'c'],
      ],
    }
    for (const hub of ['a', 'b', 'c']) assert.ok(wentThrough(both, hub))
    assert.equal(hopsThrough(both, 'd'), 'a b c d')
    assert.equal(wentThrough({ user: [['trestle-hops', 'abc']] }, 'ab'), false)
  })
})

describe('headers of strangers', () => {
  const read = (...headers: Header[]) => readHeaders(headers, 1_000_000)

  test('become user properties, in their order', () => {
    const { properties, topic, qos, retain } = read(['b', '1'], ['a', '2'], ['b', '3'])
    assert.deepEqual(properties, {
      user: [
        ['b', '1'],
        ['a', '2'],
        ['b', '3'],
      ],
    })
    assert.deepEqual([topic, qos, retain], [null, null, null])
  })

  test('none of them leave no properties', () => assert.equal(read().properties, null))

  test('that are not UTF-8 become base64', () => {
    assert.deepEqual(read(['x', new Uint8Array([255, 0])]).properties?.user, [['x', '/wA=']])
  })

  test('that look like ours and are not are taken as they are', () => {
    assert.deepEqual(read(['mqtt-user', 'not json']).properties?.user, [['mqtt-user', 'not json']])
    for (const value of ['5', 'null', '{"a":1}', '"text"', '[1]', '[["a"]]', '[["a",1]]'])
      assert.deepEqual(read(['mqtt-user', value]).properties?.user, [['mqtt-user', value]])
    assert.deepEqual(read(['x*', '%zz']).properties?.user, [['x*', '%zz']])
  })

  test('cannot give a moment no clock has, nor an interval MQTT has no room for', () => {
    for (const value of ['', 'soon', '-1', '1e300', 'Infinity', 'NaN']) {
      assert.equal(read(['mqtt-time', value]).timeMs, null)
      assert.equal(read(['mqtt-expires', value]).properties, null)
    }
    assert.equal(read(['mqtt-expires', '8640000000000000']).properties?.expirySeconds, 0xff_ff_ff_ff)
    assert.equal(read(['mqtt-qos', '7']).qos, 0)
  })
})

test('the table names every header that is written', () => {
  const full = delivery({
    qos: 2,
    retain: true,
    properties: {
      payloadFormat: 1,
      expirySeconds: 1,
      contentType: 'a',
      responseTopic: 'b',
      correlationData: new Uint8Array(1),
    },
  })
  const known = headerTable.map(({ header }) => header)
  const written = headersOf(full, 'here').map(([name]) => name)
  assert.deepEqual(written.toSorted(), known.slice(0, written.length).toSorted())
})
