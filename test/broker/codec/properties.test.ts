import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Packet } from '../../../src/broker/codec/packet.ts'
import { type PropertyPlace, type PropertyRow, propertyTable } from '../../../src/broker/codec/property-table.ts'
import { bytes, decode, field, frame, properties, refused, same } from './bytes.ts'

/** Table 2-4 of MQTT 5.0: identifier, type, places. */
const standard: Record<number, [string, string]> = {
  1: ['byte', 'publish will'],
  2: ['uint32', 'publish will'],
  3: ['text', 'publish will'],
  8: ['text', 'publish will'],
  9: ['binary', 'publish will'],
  11: ['varint', 'publish subscribe'],
  17: ['uint32', 'connect connack disconnect'],
  18: ['text', 'connack'],
  19: ['uint16', 'connack'],
  21: ['text', 'connect connack auth'],
  22: ['binary', 'connect connack auth'],
  23: ['byte', 'connect'],
  24: ['uint32', 'will'],
  25: ['byte', 'connect'],
  26: ['text', 'connack'],
  28: ['text', 'connack disconnect'],
  31: ['text', 'connack puback pubrec pubrel pubcomp suback unsuback disconnect auth'],
  33: ['uint16', 'connect connack'],
  34: ['uint16', 'connect connack'],
  35: ['uint16', 'publish'],
  36: ['byte', 'connack'],
  37: ['byte', 'connack'],
  38: [
    'pair',
    'connect connack publish will puback pubrec pubrel pubcomp subscribe suback unsubscribe unsuback disconnect auth',
  ],
  39: ['uint32', 'connect connack'],
  40: ['byte', 'connack'],
  41: ['byte', 'connack'],
  42: ['byte', 'connack'],
}

const value: Record<string, Buffer> = {
  byte: bytes('01'),
  uint16: bytes('0102'),
  uint32: bytes('01020304'),
  varint: bytes('8101'),
  text: field('té/x'),
  binary: field(bytes('00ff')),
  pair: bytes(field('n'), field('v')),
}

/** A packet whose properties of that place are the given block. */
const around: Record<PropertyPlace, (block: Buffer) => Buffer> = {
  connect: (block) => frame('10', field('MQTT'), '05 02 0000', block, field('c')),
  will: (block) => frame('10', field('MQTT'), '05 06 0000 00', field('c'), block, field('t'), field('p')),
  connack: (block) => frame('20', '00 00', block),
  publish: (block) => frame('30', field('t'), block),
  puback: (block) => frame('40', '0001 10', block),
  pubrec: (block) => frame('50', '0001 10', block),
  pubrel: (block) => frame('62', '0001 92', block),
  pubcomp: (block) => frame('70', '0001 92', block),
  subscribe: (block) => frame('82', '0001', block, field('t'), '00'),
  suback: (block) => frame('90', '0001', block, '00'),
  unsubscribe: (block) => frame('a2', '0001', block, field('t')),
  unsuback: (block) => frame('b0', '0001', block, '00'),
  disconnect: (block) => frame('e0', '04', block),
  auth: (block) => frame('f0', '18', block),
}

/** AUTH must name its method, and authentication data needs one: then the method goes along. */
const withMethod = (place: PropertyPlace, id: number, one: Buffer): Buffer =>
  id !== 0x15 && (place === 'auth' || (place === 'connect' && id === 0x16)) ? bytes('15', field('m'), one) : one

const propertiesOf = (packet: Packet, place: PropertyPlace): Record<string, unknown> => {
  const holder = place === 'will' && packet.type === 'connect' ? packet.will! : (packet as { properties?: unknown })
  return holder.properties as Record<string, unknown>
}

test('C1: every identifier stands exactly where table 2-4 allows it and is malformed anywhere else (§2.2.2.2)', () => {
  for (const place of Object.keys(around) as PropertyPlace[]) {
    for (let id = 0; id < 128; id++) {
      const row = standard[id]
      const one = bytes(id.toString(16).padStart(2, '0'), value[row?.[0] ?? 'byte']!)
      const packet = around[place](properties(withMethod(place, id, one)))
      if (row?.[1].split(' ').includes(place)) {
        const { name } = propertyTable.find(
          (each) => each.id === id && (each.places as readonly string[]).includes(place),
        )!
        assert.ok(name in propertiesOf(decode(packet, 5), place), `${place} ${id}`)
      } else refused(packet, 5, 0x81, '§2.2.2.2')
    }
    refused(around[place](properties('8101 00')), 5, 0x81, '§2.2.2.2')
    refused(around[place](properties('8100 00')), 5, 0x81, 'MQTT-1.5.5-1')
  }
})

test('a property that is given twice is a protocol error, but user properties and the subscription ids of a PUBLISH', () => {
  for (const row of propertyTable as readonly PropertyRow[]) {
    for (const place of row.places) {
      const type = row.type === 'flag' ? 'byte' : row.type
      const one = bytes(row.id.toString(16).padStart(2, '0'), value[type]!)
      const packet = around[place](properties(withMethod(place, row.id, one), one))
      const repeats = row.id === 0x26 || (row.id === 0x0b && place === 'publish')
      if (repeats) assert.equal((propertiesOf(decode(packet, 5), place)[row.name] as unknown[]).length, 2)
      else refused(packet, 5, 0x82, row.section)
    }
  }
})

test('a value that ends after the properties do is malformed, even where the packet goes on [MQTT-4.13.1-1]', () => {
  for (const row of propertyTable as readonly PropertyRow[]) {
    const type = row.type === 'flag' ? 'byte' : row.type
    const one = bytes(row.id.toString(16).padStart(2, '0'), value[type]!)
    const cut = bytes((one.length - 1).toString(16).padStart(2, '0'), one)
    for (const place of row.places) refused(around[place](cut), 5, 0x81, 'MQTT-4.13.1-1')
  }
  refused(around.publish(bytes('05 01 00')), 5, 0x81, 'MQTT-4.13.1-1')
  refused(around.publish(bytes('80')), 5, 0x81, 'MQTT-4.13.1-1')
  refused(around.publish(bytes('8000')), 5, 0x81, 'MQTT-1.5.5-1')
})

test('a byte that stands for yes or no, the payload format and the maximum QoS may only be 0 or 1', () => {
  for (const row of propertyTable as readonly PropertyRow[]) {
    if (row.type !== 'flag' && row.type !== 'byte') continue
    for (const place of row.places) {
      const id = row.id.toString(16).padStart(2, '0')
      for (const byte of ['02', 'ff']) refused(around[place](properties(id, byte)), 5, 0x82, row.section)
      decode(around[place](properties(id, '00')), 5)
    }
  }
})

test('a receive maximum of 0 is a protocol error (§3.1.2.11.3, §3.2.2.3.3)', () => {
  refused(around.connect(properties('21 0000')), 5, 0x82, '§3.1.2.11.3')
  refused(around.connack(properties('21 0000')), 5, 0x82, '§3.1.2.11.3')
})

test('a maximum packet size of 0 is a protocol error (§3.1.2.11.4, §3.2.2.3.6)', () => {
  refused(around.connect(properties('27 00000000')), 5, 0x82, '§3.1.2.11.4')
  refused(around.connack(properties('27 00000000')), 5, 0x82, '§3.1.2.11.4')
})

test('a subscription identifier of 0 is a protocol error (§3.8.2.1.2, §3.3.2.3.8)', () => {
  refused(around.subscribe(properties('0b 00')), 5, 0x82, '§3.8.2.1.2')
  refused(around.publish(properties('0b 00')), 5, 0x82, '§3.3.2.3.8')
  refused(around.subscribe(properties('0b ffffffff7f')), 5, 0x81, '§1.5.5')
})

test('a topic alias of 0 is refused with 0x94 [MQTT-3.3.2-8]', () => {
  refused(around.publish(properties('23 0000')), 5, 0x94, 'MQTT-3.3.2-8')
})

test('a response topic is a topic name: no wildcard [MQTT-3.3.2-14], not empty [MQTT-4.7.3-1]', () => {
  for (const place of ['publish', 'will'] as const) {
    for (const topic of ['a/+', '#', 'a#b'])
      refused(around[place](properties('08', field(topic))), 5, 0x82, 'MQTT-3.3.2-14')
    refused(around[place](properties('08', field(''))), 5, 0x82, 'MQTT-4.7.3-1')
  }
})

test('a text property must be UTF-8 without U+0000 [MQTT-1.5.4-1, MQTT-1.5.4-2], binary may be anything', () => {
  for (const [id, type] of [
    ['03', 'text'],
    ['08', 'text'],
    ['26', 'pair'],
  ] as const) {
    const after = type === 'pair' ? field('v') : bytes('')
    refused(around.publish(properties(id, field(bytes('c080')), after)), 5, 0x81, 'MQTT-1.5.4-1')
    refused(around.publish(properties(id, field(bytes('6100')), after)), 5, 0x81, 'MQTT-1.5.4-2')
  }
  refused(around.publish(properties('26', field('n'), field(bytes('ff')))), 5, 0x81, 'MQTT-1.5.4-1')
  decode(around.publish(properties('09', field(bytes('ff00c0')))), 5)
})

test('properties of a size that needs two bytes of length are written and read', () => {
  const user: [string, string][] = Array.from({ length: 40 }, (_, i) => [`n${i % 3}`, `v${i}`])
  const block = bytes(...user.flatMap(([name, text]) => ['26', field(name), field(text)]))
  const packet = frame('e0', '00', Buffer.from([(block.length & 0x7f) | 0x80, block.length >> 7]), block)
  same(packet, 5, { type: 'disconnect', reason: 0, properties: { user } })
})
