import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FrameScan } from '../../src/broker/codec/frame.ts'
import { encodePublish } from '../../src/broker/codec/packets/publish.ts'
import { PartialPacket } from '../../src/broker/partial-packet.ts'

test('a packet cut anywhere, any number of times, comes out whole, and the rest is left', () => {
  fc.assert(
    fc.property(fc.nat(20_000), fc.array(fc.nat(200), { maxLength: 60 }), (size, cuts) => {
      const packet = encodePublish('a/b', Buffer.alloc(size, 7), 0, false, false, 0, null, 4)
      const stream = Buffer.concat([packet, Buffer.from('next')])
      const partial = new PartialPacket()
      let at = 0
      for (const cut of [...cuts, stream.length]) {
        const end = Math.min(at + cut, stream.length)
        const next = partial.take(stream, at, end, 1 << 20, new FrameScan())
        at = next
        if (partial.isWhole) break
      }
      assert.ok(partial.isWhole)
      assert.equal(at, packet.length)
      assert.deepEqual(partial.bytes.subarray(0, partial.length), packet)
    }),
  )
})

test('C4: an announced size costs no memory before its bytes arrive', () => {
  const partial = new PartialPacket()
  partial.take(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x01]), 0, 5, 1 << 28, new FrameScan())
  assert.ok(partial.bytes.length < 10_000)
})
