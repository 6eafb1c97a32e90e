import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodePacket } from '../../../src/broker/codec/decode.ts'
import { encodePacket } from '../../../src/broker/codec/encode.ts'
import { ProtocolFault } from '../../../src/broker/codec/fault.ts'
import { FrameScan, scanFrame } from '../../../src/broker/codec/frame.ts'
import type { Packet } from '../../../src/broker/codec/packet.ts'
import { PublishView, readPublishProperties, scanPublish } from '../../../src/broker/codec/packets/publish.ts'
import type { ProtocolVersion } from '../../../src/broker/codec/version.ts'
import { anyPacket } from './any-packet.ts'
import { decode } from './bytes.ts'

const clauseShape = /^(MQTT-3?-?\d\.\d+\.\d+-\d+|MQTT-3-8\.3-4|§\d(\.\d+)+)$/

/** Null when the bytes are refused as they should be; any other throw ends the test. */
function orFault<T>(run: () => T): T | null {
  try {
    return run()
  } catch (thrown) {
    if (!(thrown instanceof ProtocolFault)) throw thrown
    assert.ok(thrown.reason >= 0x81 && thrown.reason <= 0xa2, thrown.message)
    assert.match(thrown.clause, clauseShape)
    assert.ok(thrown.packet !== '' && thrown.field !== '')
    return null
  }
}

/** Whatever comes, it is a packet that says the same when it is written again, or a ProtocolFault. */
function judge(bytes: Buffer, version: ProtocolVersion): Packet | null {
  const scan = new FrameScan()
  let length = 0
  orFault(() => {
    length = scanFrame(bytes, 0, bytes.length, 1_000_000, scan)
  })
  if (length === 0) return null
  const packet = orFault(() => decodePacket(bytes, 0, scan.headerBytes, length, version))
  if (bytes[0]! >> 4 === 3) judgeView(bytes.subarray(0, length), scan.headerBytes, version, packet)
  if (packet === null) return null
  const spoken = packet.type === 'connect' ? packet.version : version
  assert.deepEqual(decode(encodePacket(packet, spoken), spoken), packet)
  return packet
}

/** The scan agrees with the decoder on what a client may send. */
function judgeView(bytes: Buffer, headerBytes: number, version: ProtocolVersion, packet: Packet | null): void {
  const view = new PublishView()
  const scanned = orFault(() => {
    scanPublish(bytes, 0, headerBytes, bytes.length, version, view)
    return true
  })
  if (scanned === null || packet?.type !== 'publish') return
  assert.equal(bytes.toString('utf8', view.topicStart, view.topicEnd), packet.topic)
  assert.deepEqual(bytes.subarray(view.payloadStart, view.end), packet.payload)
  assert.equal(view.packetId, packet.packetId)
  const { topicAlias, ...rest } = packet.properties ?? {}
  assert.equal(view.topicAlias, topicAlias ?? 0)
  assert.deepEqual(view.hasProperties ? readPublishProperties(bytes, view) : {}, rest)
}

const anyVersion = fc.constantFrom<ProtocolVersion>(3, 4, 5)

/** A change of some bytes: set, cut out, put in, doubled, or the end cut off. */
const change = fc.record({
  kind: fc.constantFrom('set', 'flip', 'cut', 'insert', 'truncate', 'double'),
  place: fc.nat(10_000),
  byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 2, 3, 0x7f, 0x80, 0xff, 0x26, 0x23, 0x0b)),
})

function mutate(packet: Buffer, changes: { kind: string; place: number; byte: number }[]): Buffer {
  let out = [...packet]
  for (const { kind, place, byte } of changes) {
    const at = out.length === 0 ? 0 : place % out.length
    if (kind === 'set') out[at] = byte
    else if (kind === 'flip') out[at] = (out[at] ?? 0) ^ (1 << (byte & 7))
    else if (kind === 'cut') out.splice(at, 1 + (byte & 3))
    else if (kind === 'insert') out.splice(at, 0, byte)
    else if (kind === 'truncate') out.length = at
    else out = [...out.slice(0, at), ...out.slice(at, at + byte), ...out.slice(at)]
  }
  return Buffer.from(out)
}

/** Puts a fitting remaining length before the body again, so that the change reaches the decoder. */
function reframe(packet: Buffer): Buffer {
  const scan = new FrameScan()
  if (packet.length < 2 || orFault(() => scanFrame(packet, 0, packet.length, 1e9, scan)) === null) return packet
  const body = packet.subarray(scan.headerBytes || 2)
  const length = body.length < 128 ? [body.length] : [(body.length & 0x7f) | 0x80, body.length >> 7]
  return Buffer.concat([packet.subarray(0, 1), Buffer.from(length), body])
}

test('C4: random bytes are a packet or a ProtocolFault, never another error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 2, maxLength: 64 }), anyVersion, (raw, version) => {
      judge(Buffer.from(raw), version)
    }),
    { numRuns: 3_000 },
  )
})

test('random bodies in a fitting frame of every type are a packet or a ProtocolFault', () => {
  const byte = fc.oneof(fc.constantFrom(0, 0, 0, 1, 2, 4, 5, 0x26, 0x1f), fc.nat(255))
  fc.assert(
    fc.property(fc.nat(15), fc.nat(3), fc.array(byte, { maxLength: 40 }), anyVersion, (type, flags, body, version) => {
      judge(Buffer.from([(type << 4) | flags, body.length, ...body]), version)
    }),
    { numRuns: 5_000 },
  )
})

for (const version of [3, 4, 5] as const) {
  test(`valid packets with some bytes changed are a packet or a ProtocolFault, version ${version}`, () => {
    let taken = 0
    let refused = 0
    fc.assert(
      fc.property(anyPacket(version), fc.array(change, { minLength: 1, maxLength: 4 }), (packet, changes) => {
        const changed = mutate(encodePacket(packet, version), changes)
        judge(changed, version)
        if (judge(reframe(changed), version) === null) refused++
        else taken++
      }),
      { numRuns: 4_000 },
    )
    // The changes must be neither so gentle nor so rough that one side is hardly tried.
    assert.ok(taken > 200 && refused > 200, `${taken} taken, ${refused} refused`)
  })
}

test('a packet of one version read as another is a packet or a ProtocolFault', () => {
  fc.assert(
    fc.property(
      anyVersion.chain((version) => fc.tuple(fc.constant(version), anyPacket(version))),
      anyVersion,
      ([written, packet], read) => {
        judge(encodePacket(packet, written), read)
      },
    ),
    { numRuns: 2_000 },
  )
})

test('a megabyte of the shortest properties, filters or codes is read in a moment', () => {
  const started = performance.now()
  const user = Buffer.concat(Array(200_000).fill(Buffer.from('2600000000', 'hex')))
  const block = encodePacket(
    { type: 'publish', topic: 't', payload: user, qos: 0, retain: false, dup: false, packetId: 0, properties: null },
    4,
  )
  // Not valid as it stands: what matters is that refusing and taking both take no longer than the bytes are many.
  judge(block, 4)
  judge(block, 5)
  const filters = encodePacket(
    { type: 'unsubscribe', packetId: 1, filters: Array(100_000).fill('a'), properties: null },
    5,
  )
  assert.ok(judge(filters, 5) !== null)
  const many = { user: Array.from({ length: 100_000 }, () => ['', ''] as const) }
  assert.ok(judge(encodePacket({ type: 'disconnect', reason: 0, properties: many }, 5), 5) !== null)
  assert.ok(performance.now() - started < 3_000)
})
