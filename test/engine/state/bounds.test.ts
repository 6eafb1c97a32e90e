import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Outcome } from '../../../src/engine/outcome.ts'
import { limitTogether } from '../../../src/engine/state/carry-over.ts'
import type { FilterTable } from '../../../src/engine/state/filter-table.ts'
import { storedValue } from '../../../src/engine/state/stored-value.ts'
import { load, message, run } from '../rules.ts'

const startMs = Date.UTC(2026, 0, 2)
const million = 1_000_000

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What the heap holds, after all that can go has gone. */
const heapBytes = (): number => {
  collect()
  return process.memoryUsage().heapUsed
}

function ruleOf(text: string) {
  const rules = load({ r: `from: a\n${text}\nto: [{ sink: records }]\n` })
  const { state } = rules.rules[0]!
  return {
    rules,
    limits: limitTogether(rules.rules),
    filter: state!.filters[0]?.table as FilterTable,
    gather: state!.gather?.table,
  }
}

describe('A7: what rules keep is bounded', () => {
  it('a million keys of a filter weigh about what is counted for them, and one more forgets the oldest', () => {
    const { filter, limits } = ruleOf('once: { by: "${payload.id}", within: 1d }')
    const before = heapBytes()
    const given = message({}, { topic: 'a' })
    for (let n = 0; n < million; n++) filter.apply(`device-${n}`, [startMs + n], given, n)
    const perKey = (heapBytes() - before) / million
    assert.equal(filter.keys, million)
    assert.equal(limits.bytes, filter.bytes)
    assert.ok(perKey < 300, `${Math.round(perKey)} bytes a key`)
    const counted = filter.bytes / million
    assert.ok(
      counted > perKey * 0.8 && counted < perKey * 2,
      `${Math.round(counted)} counted, ${Math.round(perKey)} held`,
    )
    filter.apply('one more', [startMs + million], given, million)
    assert.equal(filter.keys, million)
    assert.equal(filter.evicted, 1)
    filter.clear()
    assert.equal(limits.bytes, 0)
  })

  it('a key or a value that is a part of a long text does not keep the whole of it', () => {
    const { filter, gather } = ruleOf(
      'changed: { value: payload.v, by: "${payload.id}" }\nwindow: { every: 1h, values: { n: count() } }',
    )
    const given = message({}, { topic: 'a' })
    const before = heapBytes()
    for (let n = 0; n < 200; n++) {
      const long = Buffer.alloc(500_000, `${n}-text-`).toString('latin1')
      filter.apply(long.slice(0, 30), [startMs, storedValue(long.slice(40, 80))], given, n)
      gather!.apply(long.slice(100, 130), [startMs, true], given, n)
    }
    assert.equal(filter.keys, 200)
    assert.ok(heapBytes() - before < 10_000_000, `${heapBytes() - before} bytes`)
  })

  it('a key that is forgotten may pass once more; a younger one does not', () => {
    const { rules } = ruleOf('once: { by: "${payload.id}", within: 1d, max_keys: 2 }')
    const outcome = new Outcome()
    let position = 0
    const passes = (id: string): boolean => {
      run(rules, message({ id }, { topic: 'a', timeMs: startMs }), outcome)
      outcome.changes.apply(++position)
      return outcome.owed.length === 1
    }
    assert.deepEqual(['a', 'b', 'c', 'c', 'b', 'a', 'c'].map(passes), [true, true, true, false, false, true, false])
  })

  it('keys that no longer matter go as others come', () => {
    const { filter } = ruleOf('at_most: { every: 1s, by: "${payload.id}" }')
    const given = message({}, { topic: 'a' })
    for (let n = 0; n < 100_000; n++) filter.apply(`k${n}`, [startMs + n * 10], given, n)
    assert.ok(filter.keys <= 102, `${filter.keys} keys`)
    assert.equal(filter.evicted, 0)
  })

  it('all tables together keep within their bytes', () => {
    const { filter, limits } = ruleOf('changed: { value: payload.v, by: "${payload.id}" }')
    limits.maxBytes = 1_000_000
    const given = message({}, { topic: 'a' })
    for (let n = 0; n < 100_000; n++) filter.apply(`k${n}`, [startMs, 'x'.repeat(100)], given, n)
    assert.ok(limits.bytes <= 1_000_500, `${limits.bytes}`)
    assert.equal(filter.evicted, 100_000 - filter.keys)
  })

  it('windows beyond the limit are closed early, the oldest first, and where that cannot be nothing more is taken', () => {
    const { rules, gather } = ruleOf(
      'window: { every: 1h, by: "${payload.id}", values: { n: count() }, max_keys: 100 }',
    )
    const outcome = new Outcome()
    let crowded = 0
    gather!.onCrowded = () => crowded++
    let taken = 0
    let why = ''
    for (let n = 0; n < 200; n++) {
      run(rules, message({ id: n }, { topic: 'a', timeMs: startMs }), outcome)
      if (outcome.changes.blocked === null) outcome.changes.apply(++taken)
      else why = `${outcome.changes.blocked.code} ${outcome.changes.blocked.message}`
    }
    assert.equal(taken, 125, 'a quarter more, so that there is time to close some')
    assert.equal(crowded, 25)
    assert.match(why, /^E406 the windows of r\/window hold their limit of 100 keys/)
    const first = gather!.nextEarly()!
    assert.equal(first.key, '0')
    const partial = JSON.parse(Buffer.from(gather!.messageOf(first, true).payload).toString())
    assert.equal(partial.partial, true)
    for (let early = gather!.nextEarly(); early !== null; early = gather!.nextEarly())
      gather!.apply(early.key, ['close', early.startMs], early.last, 1000)
    assert.equal(gather!.keys, 100)
    // A key that has its window goes on, full or not.
    assert.equal(gather!.blocked('150', startMs), null)
  })
})
