import assert from 'node:assert/strict'
import test, { describe } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Packet } from 'mqtt-packet'
import { payloadOf } from './far-system.ts'
import { type Arrival, MqttWitness } from './systems/mqtt-witness.ts'

/** A witness, and a sink and a server that pass by. */
class Street {
  readonly witness = new MqttWitness()
  readonly arrivals: Arrival[] = []

  publish(n: number, messageId: number, dup = false): void {
    const properties = { userProperties: { 'trestle-id': `id-${n}` } }
    const payload = payloadOf('a', n)
    this.#see(true, { cmd: 'publish', topic: 't', payload, qos: 2, retain: false, messageId, dup, properties })
  }

  answer(cmd: 'pubrec' | 'pubcomp', messageId: number, reasonCode = 0): void {
    this.#see(false, { cmd, messageId, reasonCode } as Packet)
  }

  welcome(sessionPresent: boolean): void {
    this.#see(false, { cmd: 'connack', sessionPresent, reasonCode: 0 })
  }

  whole(n: number, messageId: number): void {
    this.publish(n, messageId)
    this.answer('pubrec', messageId)
    this.answer('pubcomp', messageId)
  }

  arrive(...numbers: number[]): void {
    for (const n of numbers) this.arrivals.push({ name: 'a', n, id: `id-${n}`, atMs: performance.now() })
  }

  get judged(): number[] {
    return this.witness.judge(this.arrivals).map(({ n }) => n)
  }

  #see(isFromClient: boolean, packet: Packet): void {
    this.witness.see('sink', isFromClient, packet)
  }
}

describe('the witness between an MQTT sink and Mosquitto', () => {
  test('what the reader has and the server has confirmed is there, in the order of the reader', () => {
    const street = new Street()
    street.whole(1, 7)
    street.whole(2, 8)
    street.arrive(2, 1)
    assert.deepEqual(street.judged, [2, 1])
  })

  test('a message whose PUBCOMP never went by is not there, although the reader has it', () => {
    const street = new Street()
    street.publish(1, 7)
    street.answer('pubrec', 7)
    street.arrive(1)
    assert.deepEqual(street.judged, [])
  })

  test('a message that is confirmed and does not arrive is lost, also when the server was killed long after', async () => {
    const street = new Street()
    street.whole(1, 7)
    assert.deepEqual(street.judged, [])
    await sleep(1100)
    street.witness.killed()
    assert.deepEqual(street.judged, [])
  })

  test('what Mosquitto confirmed just before it was killed stands where the wire had it', () => {
    const street = new Street()
    street.whole(1, 7)
    street.witness.killed()
    street.witness.restarted()
    street.whole(2, 7)
    street.arrive(2)
    assert.deepEqual(street.judged, [1, 2])
  })

  test('an arrival that is repeated over a restart is Mosquitto’s doing; without a restart it counts', async () => {
    const street = new Street()
    street.whole(1, 7)
    street.arrive(1, 1)
    assert.deepEqual(street.judged, [1, 1])
    const other = new Street()
    other.whole(1, 7)
    other.arrive(1)
    await sleep(5)
    other.witness.restarted()
    await sleep(5)
    other.arrive(1)
    assert.deepEqual(other.judged, [1])
  })

  test('sent again under its identifier with DUP a message is one; under another, or without DUP, it is two', () => {
    const same = new Street()
    same.publish(1, 7)
    same.welcome(true)
    same.publish(1, 7, true)
    same.answer('pubcomp', 7)
    same.arrive(1)
    assert.deepEqual(same.judged, [1])
    for (const again of [8, 7]) {
      const street = new Street()
      street.publish(1, 7)
      street.welcome(true)
      street.publish(1, again)
      street.answer('pubcomp', again)
      street.arrive(1)
      street.witness.restarted()
      assert.deepEqual(street.judged, [1, 1])
    }
  })

  test('a message may go again after a refusal, and when the server says that the session is gone', () => {
    const street = new Street()
    street.publish(1, 7)
    street.answer('pubrec', 7, 0x97)
    street.publish(2, 8)
    street.welcome(false)
    street.whole(1, 9)
    street.whole(2, 10)
    street.arrive(1, 2)
    assert.deepEqual(street.judged, [1, 2])
  })
})
