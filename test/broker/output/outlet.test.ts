import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Link } from '../../../src/broker/output/link.ts'
import { Outlet } from '../../../src/broker/output/outlet.ts'
import { Turn } from '../../../src/broker/output/turn.ts'

/** A kernel that takes so many bytes and no more, and keeps what it has not taken by reference, as Node does. */
class FakeLink implements Link {
  room = Number.POSITIVE_INFINITY
  writes = 0
  #taken: Buffer[] = []
  #waiting: Buffer[] = []

  write(bytes: Buffer): void {
    this.writes++
    if (this.#waiting.length === 0 && bytes.length <= this.room) {
      this.room -= bytes.length
      this.#taken.push(Buffer.from(bytes))
    } else this.#waiting.push(bytes)
  }

  get writableLength(): number {
    return this.#waiting.reduce((sum, bytes) => sum + bytes.length, 0)
  }

  takeAll(room = Number.POSITIVE_INFINITY): void {
    this.#taken.push(...this.#waiting.map((bytes) => Buffer.from(bytes)))
    this.#waiting = []
    this.room = room
  }

  get taken(): string {
    return Buffer.concat(this.#taken).toString('latin1')
  }

  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}

const pushText = (outlet: Outlet, turn: Turn, text: string): void => {
  const bytes = Buffer.from(text, 'latin1')
  const at = turn.copy(bytes, 0, bytes.length)
  outlet.push(turn.chunk, at, at + bytes.length)
}

test('all that is pushed in one turn is one write', () => {
  const turn = new Turn()
  const [a, b] = [new FakeLink(), new FakeLink()]
  const [first, second] = [new Outlet(a, turn), new Outlet(b, turn)]
  for (let i = 0; i < 100; i++) {
    pushText(first, turn, `a${i},`)
    pushText(second, turn, `b${i},`)
  }
  turn.flush()
  assert.equal(a.writes, 1)
  assert.equal(b.writes, 1)
  assert.equal(a.taken, Array.from({ length: 100 }, (_, i) => `a${i},`).join(''))
})

test('what each receiver gets is exactly what was pushed for it, however much the kernel takes and when', () => {
  const step = fc.record({
    outlet: fc.nat(2),
    size: fc.oneof(fc.nat(50), fc.nat(3000), fc.constant(20_000), fc.constant(70_000)),
    after: fc.constantFrom('go on', 'go on', 'flush', 'drain', 'stall'),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const turn = new Turn()
      const links = [new FakeLink(), new FakeLink(), new FakeLink()]
      const outlets = links.map((link) => new Outlet(link, turn))
      const expected = ['', '', '']
      steps.forEach(({ outlet, size, after }, i) => {
        const text = String.fromCharCode(33 + (i % 90)).repeat(size)
        pushText(outlets[outlet]!, turn, text)
        expected[outlet] += text
        if (after === 'flush') turn.flush()
        else if (after === 'stall') links[outlet]!.room = size
        else if (after === 'drain') {
          links[outlet]!.takeAll(1000)
          outlets[outlet]!.drained()
        }
      })
      turn.flush()
      links.forEach((link, i) => {
        for (let round = 0; round < 3; round++) {
          link.takeAll()
          outlets[i]!.drained()
        }
        assert.ok(link.taken === expected[i], `receiver ${i} got other bytes`)
        assert.equal(outlets[i]!.waitingBytes, 0)
      })
      assert.equal(turn.heldBytes, 0)
    }),
    { numRuns: 150 },
  )
})

test('what waits for a stalled receiver is counted and is handed over as one when it drains', () => {
  const turn = new Turn()
  const link = new FakeLink()
  const outlet = new Outlet(link, turn)
  link.room = 0
  pushText(outlet, turn, 'first')
  turn.flush()
  assert.equal(outlet.isStalled, true)
  for (let i = 0; i < 1000; i++) {
    pushText(outlet, turn, '0123456789')
    turn.flush()
  }
  assert.equal(link.writes, 1)
  assert.equal(outlet.waitingBytes, 10_005)
  assert.equal(turn.heldBytes, 10_005)
  link.takeAll()
  assert.equal(outlet.drained(), true)
  assert.equal(link.writes, 2)
  assert.equal(link.taken.length, 10_005)
})

test('a closed outlet writes nothing more', () => {
  class Closing extends Outlet {
    close(): void {
      this.shut()
    }
  }
  const turn = new Turn()
  const link = new FakeLink()
  const outlet = new Closing(link, turn)
  pushText(outlet, turn, 'lost')
  outlet.close()
  pushText(outlet, turn, 'lost too')
  turn.flush()
  assert.equal(link.taken, '')

  const stalled = new Closing(new FakeLink(), turn)
  ;(stalled.link as FakeLink).room = 0
  pushText(stalled, turn, 'waits')
  turn.flush()
  assert.equal(turn.heldBytes, 5)
  stalled.close()
  assert.equal(turn.heldBytes, 0, 'and no longer counts')
})
