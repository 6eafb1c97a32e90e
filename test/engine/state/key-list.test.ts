import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { KeyList, type Listed } from '../../../src/engine/state/key-list.ts'

const listed = (key: string): Listed => ({ key, previous: null, next: null })
const keysOf = (list: KeyList<Listed>): string[] => Array.from(list.walk(), ({ key }) => key)

describe('a list of keys', () => {
  it('is a map in an order, whatever is done to it', () => {
    const operation = fc.record({
      what: fc.constantFrom('add', 'move', 'remove'),
      key: fc.integer({ min: 0, max: 12 }),
    })
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const list = new KeyList<Listed>()
        let model: string[] = []
        for (const { what, key } of operations) {
          const name = `k${key}`
          const one = list.get(name)
          assert.equal(one !== undefined, model.includes(name))
          if (one === undefined) {
            if (what !== 'add') continue
            list.add(listed(name))
          } else if (what === 'remove') list.remove(one)
          else list.moveToEnd(one)
          model = model.filter((known) => known !== name)
          if (what !== 'remove') model.push(name)
          assert.equal(list.size, model.length)
          assert.equal(list.first?.key ?? null, model[0] ?? null)
        }
        assert.deepEqual(keysOf(list), model)
      }),
    )
  })

  it('is walked past none that stays in its place, however it changes on the way', () => {
    const change = fc.record({ step: fc.nat(20), what: fc.constantFrom('add', 'move', 'remove'), key: fc.nat(19) })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const list = new KeyList<Listed>()
        for (let key = 0; key < 20; key++) list.add(listed(`k${key}`))
        const touched = new Set(changes.map(({ key }) => `k${key}`))
        const seen: string[] = []
        let step = 0
        for (const { key } of list.walk()) {
          seen.push(key)
          if (step > 100) break
          for (const { what, key: at } of changes.filter((one) => one.step === step)) {
            const one = list.get(`k${at}`)
            if (one === undefined) list.add(listed(`k${at}`))
            else if (what === 'remove') list.remove(one)
            else if (what === 'move') list.moveToEnd(one)
          }
          step++
        }
        for (let key = 0; key < 20; key++) {
          if (!touched.has(`k${key}`)) assert.equal(seen.filter((one) => one === `k${key}`).length, 1)
        }
        assert.equal(keysOf(list).length, list.size)
      }),
    )
  })

  it('may be walked by several at once, left in the middle, and emptied under a walk', () => {
    const list = new KeyList<Listed>()
    for (const key of ['a', 'b', 'c']) list.add(listed(key))
    const one = list.walk()
    const other = list.walk()
    assert.deepEqual([one.next().value?.key, other.next().value?.key, other.next().value?.key], ['a', 'a', 'b'])
    list.remove(list.get('a')!)
    assert.equal(list.first!.key, 'b')
    other.return(undefined)
    assert.deepEqual(keysOf(list), ['b', 'c'])
    assert.equal(one.next().value?.key, 'b')
    list.clear()
    list.add(listed('d'))
    assert.equal(one.next().done, true)
    assert.deepEqual(keysOf(list), ['d'])
  })
})
