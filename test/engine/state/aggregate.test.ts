import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type AggregateKind, aggregates, Fold, readAggregate } from '../../../src/engine/state/aggregate.ts'

const kinds = Object.keys(aggregates) as AggregateKind[]

/** What each should give, worked out over all values at once. */
function expected(kind: AggregateKind, values: readonly (number | null)[]): unknown {
  const numbers = values.filter((value) => value !== null)
  const sum = numbers.reduce((total, value) => total + value, 0)
  const mean = sum / numbers.length
  const none = numbers.length === 0
  switch (kind) {
    case 'count':
      return numbers.length
    case 'sum':
      return sum
    case 'min':
      return none ? null : Math.min(...numbers)
    case 'max':
      return none ? null : Math.max(...numbers)
    case 'mean':
      return none ? null : mean
    case 'stddev':
      return numbers.length < 2
        ? null
        : Math.sqrt(numbers.reduce((total, value) => total + (value - mean) ** 2, 0) / (numbers.length - 1))
    case 'first':
      return values[0] ?? null
    case 'last':
      return values.at(-1) ?? null
  }
}

function assertNear(actual: unknown, wanted: unknown, what: string): void {
  if (typeof actual !== 'number' || typeof wanted !== 'number') assert.equal(actual, wanted, what)
  else assert.ok(Math.abs(actual - wanted) <= 1e-9 * (1 + Math.abs(wanted)), `${what}: ${actual} for ${wanted}`)
}

describe('aggregates', () => {
  it('give what is worked out over all values at once, also when they were kept as JSON in between', () => {
    const value = fc.option(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { nil: null })
    fc.assert(
      fc.property(fc.array(value, { maxLength: 40 }), fc.nat(40), (values, stopAt) => {
        const fold = new Fold(kinds.map((kind) => [kind, kind]))
        let state = fold.begin()
        for (const [at, one] of values.entries()) {
          if (at === stopAt) state = JSON.parse(JSON.stringify(state)) as unknown[]
          fold.add(state, [0, ...kinds.map((kind) => (kind === 'count' ? one !== null : one))])
        }
        for (const [kind, result] of fold.results(state)) {
          assertNear(result, expected(kind as AggregateKind, values), kind)
        }
      }),
    )
  })

  it('are the same after a restart to the last bit, whatever they are made of', () => {
    const fold = new Fold([
      ['mean', 'mean'],
      ['spread', 'stddev'],
    ])
    const straight = fold.begin()
    let kept = fold.begin()
    for (let n = 0; n < 1000; n++) {
      const value = Math.sin(n) * 1e9
      fold.add(straight, [0, value, value])
      kept = JSON.parse(JSON.stringify(kept)) as unknown[]
      fold.add(kept, [0, value, value])
    }
    assert.deepEqual(fold.results(kept), fold.results(straight))
  })

  it('are not spoilt by numbers whose sum no number can hold', () => {
    const fold = new Fold([['mean', 'mean']])
    const state = fold.begin()
    for (let n = 0; n < 4; n++) fold.add(state, [0, 1.7e308])
    assertNear(fold.results(state)[0]![1], 1.7e308, 'mean')
  })

  it('are read with the place of their value', () => {
    assert.deepEqual(readAggregate(' mean( payload.t ) '), { kind: 'mean', start: 6, end: 17 })
    assert.deepEqual(readAggregate('count()'), { kind: 'count', start: 6, end: 6 })
    assert.equal(readAggregate('payload.t'), null)
    assert.equal(readAggregate('mean(payload.t) * 2'), null)
  })
})
