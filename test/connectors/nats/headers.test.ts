import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asciiHeadersOf, readHeaders } from 'trestle/contract'
import { headerBlock, parseHeaders } from '../../../connectors/nats/headers.ts'
import { deliveries, type Shape } from '../../support/delivery.ts'

const make = deliveries()
const written = (shape: Shape, withMqtt = true, extra = ''): [string, string][] =>
  parseHeaders(headerBlock(make(shape), 'hub', withMqtt, extra)) as [string, string][]

test('the short way writes what the table of the contract says', () => {
  const shapes: Shape[] = [
    {},
    { message: { qos: 0, retain: true, topic: 'a b/é', client: '' } },
    { message: { qos: 2, topic: ' x', client: 'x "y", z\\' } },
    { message: { topic: 'line\nbreak', client: 'c,d' } },
    { message: { properties: { contentType: 'text/plain', user: [['a', 'b']] } }, headers: [['h', 'ü']] },
  ]
  for (const shape of shapes) {
    const delivery = make(shape)
    const block = headerBlock(delivery, 'hub', true, '')
    assert.deepEqual(parseHeaders(block), asciiHeadersOf(delivery, 'hub'))
    assert.match(block, /^NATS\/1\.0\r\n[\x20-\x7e\r\n]*\r\n\r\n$/)
  }
})

test('A11: a device cannot give orders to JetStream by its user properties, and they come back as they were', () => {
  const user = [
    ['Nats-Rollup', 'all'],
    ['nats-msg-id', 'x'],
    ['plain', 'y'],
  ] as const
  const headers = written({ message: { properties: { user } } })
  assert.deepEqual(
    headers.filter(([name]) => /^nats/i.test(name)),
    [],
  )
  const back = readHeaders(headers, 0).properties?.user
  assert.deepEqual(back?.slice(1), user)
})

test('a rule may set headers of JetStream, but not those that the connector needs', () => {
  const block = headerBlock(
    make({
      headers: [
        ['Nats-TTL', '1h'],
        ['Nats-Msg-Id', 'mine'],
      ],
    }),
    'hub',
    true,
    'Nats-Msg-Id: ours\r\n',
  )
  assert.match(block, /\r\nNats-TTL: 1h\r\n/)
  assert.match(block, /\r\nmqtt-user\*: %5B%5B%22Nats-Msg-Id%22/)
  assert.match(block, /\r\nNats-Msg-Id: ours\r\n\r\n$/)
})

test('without MQTT headers the identity, the hops and the headers of the rule are left', () => {
  const properties = {
    contentType: 'text/plain',
    user: [
      ['trestle-hops', 'a b'],
      ['x', 'y'],
    ],
  } as const
  const headers = written({ id: 'i', headers: [['line', '7']], message: { properties } }, false)
  assert.deepEqual(headers, [
    ['trestle-id', 'i'],
    ['trestle-hops', 'a b hub'],
    ['line', '7'],
  ])
})

test('headers of strangers are read in their order, those of the protocol are left out', () => {
  const block = 'NATS/1.0\r\nA:1\r\nNats-Msg-Id: x\r\na:  two \r\nA: é\r\nodd\r\nempty:\r\n\r\n'
  assert.deepEqual(parseHeaders(block), [
    ['A', '1'],
    ['a', 'two'],
    ['A', 'é'],
    ['empty', ''],
  ])
  assert.deepEqual(parseHeaders('NATS/1.0 503\r\n\r\n'), [])
  assert.deepEqual(parseHeaders(''), [])
})
