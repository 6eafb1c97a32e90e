import fc from 'fast-check'
import type { Packet } from '../../../src/broker/codec/packet.ts'
import { type PropertyPlace, type PropertyRow, propertyTable } from '../../../src/broker/codec/property-table.ts'
import { type ReasonPacket, reasonsOf } from '../../../src/broker/codec/reason.ts'
import type { ProtocolVersion } from '../../../src/broker/codec/version.ts'

/** Valid packets of a version, of every kind, as fast-check makes them. */

/** Objects as literals make them, so that they are deeply equal to those of the decoder. */
const record = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true }) as unknown as fc.Arbitrary<T>

const text = fc
  .string({ unit: 'grapheme', maxLength: 12 })
  .map((raw) => raw.replaceAll('\0', '0'))
  .filter((raw) => raw.isWellFormed())
const word = text.map((raw) => `w${raw}`)
const topic = text.map((raw) => `t/${raw.replaceAll(/[+#]/g, '-')}`)
const binary = fc.uint8Array({ maxLength: 12 }).map((raw) => Buffer.from(raw))
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const)
const uint16 = fc.oneof(fc.constantFrom(0, 1, 255, 256, 65_535), fc.nat(65_535))
const packetId = uint16.map((id) => id || 1)
const uint32 = fc.oneof(fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 1), fc.nat())
const varint = fc.constantFrom(1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455)

/** User properties whose names are unique: mqtt-packet cannot keep the order of others. */
const user = fc.uniqueArray(fc.tuple(word, text), { minLength: 1, maxLength: 3, selector: ([name]) => name })

function valueIn(row: PropertyRow): fc.Arbitrary<unknown> {
  if (row.name === 'user') return user
  if (row.name === 'responseTopic') return topic
  if (row.name === 'subscriptionIds') return fc.array(varint, { minLength: 1, maxLength: 3 })
  switch (row.type) {
    case 'byte':
      return fc.constantFrom(0, 1)
    case 'flag':
      return fc.boolean()
    case 'uint16':
      return row.min === 1 ? packetId : uint16
    case 'uint32':
      return row.min === 1 ? uint32.map((value) => value || 1) : uint32
    case 'varint':
      return varint
    case 'binary':
      return binary
    default:
      return text
  }
}

function propertiesIn(place: PropertyPlace): fc.Arbitrary<never> {
  const rows = (propertyTable as readonly PropertyRow[]).filter((row) => row.places.includes(place))
  const model = Object.fromEntries(rows.map((row) => [row.name, valueIn(row)]))
  const some = fc.record(model, { requiredKeys: [], noNullPrototype: true }).map((properties) => {
    const out: Record<string, unknown> = { ...properties }
    if (place === 'connect' && out['authenticationMethod'] === undefined) delete out['authenticationData']
    return Object.keys(out).length === 0 ? null : out
  })
  return fc.oneof(fc.constant(null), some) as fc.Arbitrary<never>
}

/** Any valid packet of the version; the wires of 3.x carry no properties and few reasons. */
export function anyPacket(version: ProtocolVersion): fc.Arbitrary<Packet> {
  const is5 = version === 5
  const inPlace = (place: PropertyPlace): fc.Arbitrary<never> =>
    is5 ? propertiesIn(place) : fc.constant(null as never)
  const reason = (packet: ReasonPacket, of3: number[]): fc.Arbitrary<number> =>
    fc.constantFrom(...(is5 ? reasonsOf[packet] : of3))
  const reasons = (packet: ReasonPacket, of3: number[]): fc.Arbitrary<number[]> =>
    fc.array(reason(packet, of3), { minLength: 1, maxLength: 4 })

  const will = record({ topic, payload: binary, qos, retain: fc.boolean(), properties: inPlace('will') })
  const connect = record({
    type: fc.constant('connect' as const),
    version: fc.constant(version),
    cleanStart: fc.boolean(),
    keepAliveS: uint16,
    clientId: word,
    username: fc.option(word),
    password: fc.option(binary),
    will: fc.option(will),
    properties: inPlace('connect'),
  }).map((packet) => (packet.username === null ? { ...packet, password: null } : packet))
  const connack = record({
    type: fc.constant('connack' as const),
    sessionPresent: fc.boolean(),
    reason: reason('connack', [0, 0x84, 0x85, 0x88, 0x86, 0x87]),
    properties: inPlace('connack'),
  }).map((packet) => (packet.reason !== 0 || version === 3 ? { ...packet, sessionPresent: false } : packet))
  const publish = record({
    type: fc.constant('publish' as const),
    topic,
    payload: fc.uint8Array({ maxLength: 200 }).map((raw) => Buffer.from(raw)),
    qos,
    retain: fc.boolean(),
    dup: fc.boolean(),
    packetId,
    properties: inPlace('publish'),
  }).map((packet) => (packet.qos === 0 ? { ...packet, dup: false, packetId: 0 } : packet))
  const acknowledgement = <T extends 'puback' | 'pubrec' | 'pubrel' | 'pubcomp'>(type: T) =>
    record({ type: fc.constant(type), packetId, reason: reason(type, [0]), properties: inPlace(type) })
  const subscription = is5
    ? record({
        filter: fc.oneof(topic, fc.constantFrom('#', '+/x', '$share')),
        qos,
        noLocal: fc.boolean(),
        retainAsPublished: fc.boolean(),
        retainHandling: qos,
      })
    : record({
        filter: fc.oneof(topic, fc.constantFrom('#', '+/x')),
        qos,
        noLocal: fc.constant(false),
        retainAsPublished: fc.constant(false),
        retainHandling: fc.constant(0 as const),
      })
  const subscribe = record({
    type: fc.constant('subscribe' as const),
    packetId,
    subscriptions: fc.array(subscription, { minLength: 1, maxLength: 4 }),
    properties: inPlace('subscribe'),
  })
  const suback = record({
    type: fc.constant('suback' as const),
    packetId,
    reasons: reasons('suback', [0, 1, 2, 0x80]),
    properties: inPlace('suback'),
  })
  const unsubscribe = record({
    type: fc.constant('unsubscribe' as const),
    packetId,
    filters: fc.array(topic, { minLength: 1, maxLength: 4 }),
    properties: inPlace('unsubscribe'),
  })
  const unsuback = record({
    type: fc.constant('unsuback' as const),
    packetId,
    reasons: is5 ? reasons('unsuback', []) : fc.constant([]),
    properties: inPlace('unsuback'),
  })
  const disconnect = record({
    type: fc.constant('disconnect' as const),
    reason: reason('disconnect', [0]),
    properties: inPlace('disconnect'),
  })
  const auth = record({
    type: fc.constant('auth' as const),
    reason: reason('auth', [0]),
    properties: fc.tuple(inPlace('auth'), text).map(([properties, method]) => ({
      ...(properties as object | null),
      authenticationMethod: method,
    })),
  })
  return fc.oneof(
    { weight: 3, arbitrary: connect },
    { weight: 2, arbitrary: connack },
    { weight: 3, arbitrary: publish },
    acknowledgement('puback'),
    acknowledgement('pubrec'),
    acknowledgement('pubrel'),
    acknowledgement('pubcomp'),
    subscribe,
    suback,
    unsubscribe,
    unsuback,
    fc.constantFrom({ type: 'pingreq' as const }, { type: 'pingresp' as const }),
    disconnect,
    ...(is5 ? [auth] : []),
  ) as fc.Arbitrary<Packet>
}
