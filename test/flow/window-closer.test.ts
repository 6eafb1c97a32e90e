import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { CompiledRule } from '../../src/engine/compile.ts'
import type { Gathered } from '../../src/engine/state/gather-row.ts'
import type { GatherTable } from '../../src/engine/state/gather-table.ts'
import { type Emitter, WindowCloser } from '../../src/flow/window-closer.ts'
import { load, message } from '../engine/rules.ts'

const startMs = Date.UTC(2026, 0, 2)
const minute = 60_000

/** Takes what it is given, unless told not to, and notes it. */
class Taker implements Emitter {
  readonly closed: string[] = []
  refuses = 0
  tookMs = 0

  emit(
    _rule: CompiledRule,
    table: GatherTable,
    { key, startMs: windowMs, last }: Gathered,
    isPartial: boolean,
  ): boolean {
    if (this.refuses > 0) {
      this.refuses--
      return false
    }
    const untilMs = performance.now() + this.tookMs
    while (performance.now() < untilMs);
    this.closed.push(`${key}${isPartial ? ' early' : ''}`)
    table.apply(key, ['close', windowMs], last, 1000)
    return true
  }

  bury = (): boolean => true
}

function closerOf(more = '') {
  const { rules } = load({
    r: `from: a\nwindow: { every: 1m, values: { n: count() }${more} }\nto: [{ sink: records }]\n`,
  })
  const table = rules[0]!.state!.gather!.table
  const taker = new Taker()
  const clock = { nowMs: startMs, timer: null as (() => void) | null, dueMs: Number.POSITIVE_INFINITY, set: 0 }
  const closer = new WindowCloser({
    emitter: taker,
    now: () => clock.nowMs,
    setTimer: (call, afterMs) => {
      clock.timer = call
      clock.dueMs = clock.nowMs + afterMs
      clock.set++
      return () => {
        clock.timer = null
      }
    },
  })
  closer.use(rules)
  const fill = (key: string, atMs = clock.nowMs): void =>
    table.apply(key, [table.windowOf(atMs), true], message({}, { topic: 'a', timeMs: atMs }), 1)
  const ring = (): void => {
    const { timer } = clock
    clock.timer = null
    clock.nowMs = Math.max(clock.nowMs, clock.dueMs)
    timer!()
  }
  return { closer, taker, clock, fill, ring, table }
}

describe('what closes windows', () => {
  test('sleeps while there is none, and then until the first is due', () => {
    const { clock, fill, ring, taker } = closerOf()
    assert.equal(clock.timer, null)
    fill('a')
    fill('b')
    assert.deepEqual([clock.dueMs, clock.set], [startMs + minute, 1])
    ring()
    assert.deepEqual(taker.closed, ['a', 'b'])
    assert.equal(clock.timer, null)
  })

  test('is not fooled by a timer that rings too soon', () => {
    const { clock, fill, taker } = closerOf()
    fill('a')
    clock.nowMs += 1000
    clock.timer!()
    assert.deepEqual(taker.closed, [])
    assert.equal(clock.dueMs, startMs + minute)
  })

  test('closes a few at a turn, and lets the loop go on in between', () => {
    const { fill, ring, taker, clock } = closerOf()
    taker.tookMs = 3
    for (const key of ['a', 'b', 'c', 'd', 'e']) fill(key)
    ring()
    const first = taker.closed.length
    assert.ok(first >= 1 && first < 5, `${first} at the first turn`)
    assert.equal(clock.dueMs, clock.nowMs)
    while (clock.timer !== null) ring()
    assert.deepEqual(taker.closed, ['a', 'b', 'c', 'd', 'e'])
  })

  test('tries again a little later what cannot be taken now', () => {
    const { fill, ring, taker, clock } = closerOf()
    fill('a')
    taker.refuses = 2
    ring()
    assert.deepEqual([taker.closed, clock.dueMs - clock.nowMs], [[], 100])
    ring()
    ring()
    assert.deepEqual(taker.closed, ['a'])
  })

  test('A7: closes the oldest at once, before they are due, when there is no room for as many', () => {
    const { fill, ring, taker, clock } = closerOf(', by: "${payload.k}", max_keys: 2')
    fill('a')
    fill('b')
    fill('c')
    assert.equal(clock.dueMs, startMs)
    ring()
    assert.deepEqual(taker.closed, ['a early'])
    assert.equal(clock.dueMs, startMs + minute)
  })

  test('does nothing any more when it is closed', () => {
    const { closer, clock, fill } = closerOf()
    fill('a')
    closer.close()
    assert.equal(clock.timer, null)
    fill('b', startMs + 5 * minute)
    assert.equal(clock.timer, null)
  })
})
