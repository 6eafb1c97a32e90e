import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Pacing } from '../../../src/broker/output/pacing.ts'

/** A loop with its own clock: each turn takes `turnMs`, reads so many sockets of so many bytes, and sleeps as told. */
class Loop {
  nowMs = 1_000_000
  sleptMs = 0
  flushes = 0
  readonly pacing: Pacing

  constructor(budgetMs = 0.5) {
    this.pacing = new Pacing(
      { flush: () => this.flushes++ },
      budgetMs,
      () => this.nowMs,
      (ms) => {
        this.nowMs += ms
        this.sleptMs += ms
      },
    )
  }

  /** Runs turns for `ms`. `bytesPerMs` arrive; `reads` sockets a turn while it is not paced. */
  run(ms: number, load: { turnMs: number; reads: number; bytesPerMs: () => number }): void {
    const endMs = this.nowMs + ms
    let lastMs = this.nowMs
    while (this.nowMs < endMs) {
      this.nowMs += load.turnMs
      const arrived = load.bytesPerMs() * (this.nowMs - lastMs)
      lastMs = this.nowMs
      // A longer turn finds more sockets readable.
      const reads = this.pacing.isOn ? load.reads * 4 : load.reads
      for (let i = 0; i < reads; i++) this.pacing.read(arrived / reads)
      this.pacing.endTurn()
    }
  }
}

const manySmall = { turnMs: 0.1, reads: 1, bytesPerMs: () => 2000 }

describe('the pacing of the loop', () => {
  test('is tried when many turns read little each, and kept while as much arrives', () => {
    const loop = new Loop()
    loop.run(1000, manySmall)
    assert.ok(loop.pacing.isOn)
    assert.ok(loop.sleptMs > 500, `slept only ${loop.sleptMs} ms of 1000`)
  })

  test('writes what a turn has before it sleeps', () => {
    const loop = new Loop()
    loop.run(200, manySmall)
    assert.ok(loop.flushes >= loop.sleptMs / 0.5)
  })

  test('is given up when a client that waits for its answers sends less, and tried ever more seldom', () => {
    const loop = new Loop()
    const pingPong = { turnMs: 0.1, reads: 1, bytesPerMs: () => (loop.pacing.isOn ? 500 : 2000) }
    loop.run(2000, pingPong)
    const first = loop.sleptMs
    loop.run(20_000, pingPong)
    assert.ok(first < 200, `${first} ms of the first 2 s were slept`)
    assert.ok(loop.sleptMs < 450, `${loop.sleptMs} ms of 22 s were slept`)
  })

  test('stays off where turns are few, where each reads many sockets, and where the budget is 0', () => {
    for (const load of [
      { ...manySmall, turnMs: 2 },
      { ...manySmall, reads: 40 },
    ]) {
      const loop = new Loop()
      loop.run(1000, load)
      assert.equal(loop.sleptMs, 0)
    }
    const none = new Loop(0)
    none.run(1000, manySmall)
    assert.equal(none.sleptMs, 0)
  })

  test('spends its sleep on the commit while nearly every turn waits for one, and spaces turns as commits would be', () => {
    const loop = new Loop()
    const storing = {
      isAwaited: true,
      spacingMs: 4,
      isPaced: false,
      waits: [] as number[],
      awaitCommit(maxMs: number) {
        this.waits.push(maxMs)
        loop.nowMs += 1
      },
    }
    loop.pacing.storing = storing
    loop.run(1000, manySmall)
    assert.ok(storing.isPaced)
    assert.deepEqual(new Set(storing.waits), new Set([4]))
    const before = { turns: storing.waits.length, flushes: loop.flushes }
    loop.run(400, manySmall)
    const turns = storing.waits.length - before.turns
    assert.ok(turns >= 95 && turns <= 105, `${turns} turns in 400 ms`)
    assert.equal(loop.flushes - before.flushes, 2 * turns, 'the answers leave before the sleep')
    storing.isAwaited = false
    loop.run(100, manySmall)
    assert.ok(!storing.isPaced, 'what is not stored is not held up')
  })

  test('ends when the load ends', () => {
    const loop = new Loop()
    loop.run(1000, manySmall)
    loop.nowMs += 5000
    loop.run(30, { turnMs: 10, reads: 1, bytesPerMs: () => 10 })
    assert.ok(!loop.pacing.isOn)
  })
})
