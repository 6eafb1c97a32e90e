import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Counters } from '../../../src/broker/counters.ts'
import { defaultLimits } from '../../../src/broker/limits.ts'
import { SendingEvent } from '../../../src/broker/session/exchange.ts'
import type { Frame } from '../../../src/broker/session/frame.ts'
import { Parcel } from '../../../src/broker/session/parcel.ts'
import type { Peer } from '../../../src/broker/session/peer.ts'
import { Session } from '../../../src/broker/session/session.ts'
import { TimingWheel } from '../../../src/broker/timing-wheel.ts'

/** A client that acknowledges when it is told to. */
class FakePeer implements Peer {
  readonly version = 4
  readonly maxInflight = 8
  readonly maxOutgoingBytes = 1_000_000
  hasRoom = true
  sent: { id: number; qos: number }[] = []
  released: number[] = []

  push(): void {}
  sendFrame(): void {}
  sendNumbered({ bytes, start }: Frame, id: number): void {
    this.sent.push({ id, qos: (bytes[start]! >> 1) & 3 })
  }
  sendShort(_firstByte: number, packetId: number): void {
    this.released.push(packetId)
  }
  sendReason(): void {}
  sendUnknown(): void {}
  settleJoined(): void {}
  takeOver(): void {}
}

function world() {
  const limits = { ...defaultLimits, maxQueuedMessages: 20, maxQueuedBytes: 10_000 }
  return { limits, counters: new Counters(), wheel: new TimingWheel(0), now: () => 0 }
}

function deliver(session: Session, qos: 1 | 2): boolean {
  const parcel = new Parcel()
  const payload = Buffer.alloc(100)
  parcel.ofMessage({
    topic: 't',
    payload,
    qos,
    retain: false,
    properties: null,
    client: 'c',
    username: null,
    source: null,
    timeMs: 0,
  })
  return session.deliver(parcel, qos, false, null, null)
}

test('A7: whatever a client does, its limits hold and its bytes are counted down to nothing', () => {
  const step = fc.constantFrom('publish 1', 'publish 2', 'answer', 'release', 'leave', 'come', 'room', 'no room')
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), fc.boolean(), (steps, isDurable) => {
      const shared = world()
      const session = new Session('c', shared)
      session.expirySeconds = isDurable ? 100 : 0
      let peer = new FakePeer()
      session.peer = peer
      for (const what of steps) {
        if (what.startsWith('publish')) deliver(session, Number(what.slice(8)) as 1 | 2)
        else if (what === 'leave' && isDurable) session.peer = null
        else if (what === 'come') {
          peer = new FakePeer()
          session.peer = peer
          session.resume()
        } else if (session.peer !== null && what === 'answer' && peer.sent.length > 0) {
          const { id, qos } = peer.sent.shift()!
          assert.ok(session.answered(qos === 1 ? SendingEvent.puback : SendingEvent.pubrec, id))
        } else if (session.peer !== null && what === 'release' && peer.released.length > 0) {
          assert.ok(session.answered(SendingEvent.pubcomp, peer.released.shift()!))
        } else if (what === 'room' || what === 'no room') {
          peer.hasRoom = what === 'room'
          if (session.peer !== null) session.pump()
        }
        assert.ok(peer.sent.length + peer.released.length <= 8, 'more under way than the client takes')
        assert.ok(session.keptBytes <= 10_000)
        assert.ok(session.queuedMessages <= 20)
        assert.equal(shared.counters.queuedBytes, session.keptBytes)
      }
      session.end()
      assert.equal(shared.counters.queuedBytes, 0)
      assert.equal(session.keptBytes, 0)
    }),
    { numRuns: 300 },
  )
})

test('nothing is kept of what was acknowledged', () => {
  const shared = world()
  const session = new Session('c', shared)
  session.expirySeconds = 100
  const peer = new FakePeer()
  session.peer = peer
  for (let i = 0; i < 20; i++) deliver(session, 1)
  assert.ok(session.keptBytes > 2000)
  while (peer.sent.length > 0) session.answered(SendingEvent.puback, peer.sent.shift()!.id)
  assert.equal(session.keptBytes, 0)
  assert.equal(session.queuedMessages, 0)
  assert.equal(shared.counters.sent, 20)
})
