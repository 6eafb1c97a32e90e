import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DueHeap } from '../../src/outbox/due-heap.ts'

test('gives back the earliest first, whatever was put in between', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(50))), (script) => {
      const heap = new DueHeap<{ dueMs: number }>()
      let model: number[] = []
      for (const step of script) {
        if (step !== null) {
          heap.push({ dueMs: step })
          model = [...model, step].sort((one, other) => one - other)
        } else assert.equal(heap.pop()?.dueMs, model.shift())
        assert.equal(heap.first?.dueMs, model[0])
        assert.equal(heap.size, model.length)
      }
    }),
  )
})
