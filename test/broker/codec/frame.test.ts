import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProtocolFault } from '../../../src/broker/codec/fault.ts'
import { FrameScan, scanFrame } from '../../../src/broker/codec/frame.ts'
import { bytes, decode, refused } from './bytes.ts'

const faultOf = (run: () => unknown): ProtocolFault => {
  try {
    run()
  } catch (thrown) {
    assert.ok(thrown instanceof ProtocolFault)
    return thrown
  }
  return assert.fail('nothing was thrown')
}

test('the remaining length is read at every limit of table 2.4 of 3.1.1 (§2.2.3)', () => {
  const cases: [string, number][] = [
    ['00', 0],
    ['7f', 127],
    ['8001', 128],
    ['ff7f', 16_383],
    ['808001', 16_384],
    ['ffff7f', 2_097_151],
    ['80808001', 2_097_152],
    ['ffffff7f', 268_435_455],
  ]
  for (const [hex, bodyBytes] of cases) {
    const scan = new FrameScan()
    const header = bytes('30', hex)
    assert.equal(scanFrame(header, 0, header.length, 2 ** 30, scan), bodyBytes === 0 ? 2 : 0)
    assert.equal(scan.bodyBytes, bodyBytes)
    assert.equal(scan.headerBytes, header.length)
  }
})

test('a frame is given when its last byte is there and not before, wherever it begins', () => {
  const buffer = bytes('ffff 3003 000161 c000')
  const scan = new FrameScan()
  for (let end = 3; end < 7; end++) assert.equal(scanFrame(buffer, 2, end, 100, scan), 0)
  assert.equal(scanFrame(buffer, 2, 7, 100, scan), 5)
  assert.equal(scanFrame(buffer, 2, 9, 100, scan), 5)
  assert.equal(scanFrame(buffer, 7, 9, 100, scan), 2)
})

test('a remaining length that goes on after four bytes is malformed as soon as the fourth is there (§2.1.4)', () => {
  const scan = new FrameScan()
  assert.equal(scanFrame(bytes('30808080'), 0, 4, 100, scan), 0)
  assert.equal(faultOf(() => scanFrame(bytes('3080808080'), 0, 5, 100, scan)).reason, 0x81)
})

test('a packet over the limit is refused with 0x95 before its body has arrived [MQTT-3.1.2-24]', () => {
  const scan = new FrameScan()
  const header = bytes('30 ffffff7f')
  const fault = faultOf(() => scanFrame(header, 0, 5, 1_000, scan))
  assert.equal(fault.reason, 0x95)
  assert.equal(scanFrame(bytes('3062'), 0, 2, 100, scan), 0)
  assert.equal(faultOf(() => scanFrame(bytes('3063'), 0, 2, 100, scan)).reason, 0x95)
})

test('a remaining length longer than it need be is malformed in 5 [MQTT-1.5.5-1] and taken in 3.x', () => {
  const ping = bytes('c0 8000')
  refused(ping, 5, 0x81, 'MQTT-1.5.5-1')
  assert.deepEqual(decode(ping, 4), { type: 'pingreq' })
  assert.deepEqual(decode(ping, 3), { type: 'pingreq' })
  const publish = bytes('30 848000 00016178')
  refused(bytes('30 858000 0001610078'), 5, 0x81, 'MQTT-1.5.5-1')
  assert.equal(decode(publish, 4).type, 'publish')
})
