import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { TopicTrie } from '../../src/topic/trie.ts'
import { anyFilter, anyTopic, matchesPlainly } from './oracle.ts'

const matchesOf = <T>(trie: TopicTrie<T>, topic: string): T[] => {
  const out: T[] = []
  trie.match(topic, out)
  return out
}

test('a value is found once per matching filter and comes once per filter however often it was added', () => {
  const trie = new TopicTrie<string>()
  for (const filter of ['a/b', 'a/+', 'a/#', 'a/b', 'x']) trie.add(filter, 'v')
  assert.equal(trie.size, 4)
  assert.deepEqual(matchesOf(trie, 'a/b'), ['v', 'v', 'v'])
  assert.deepEqual(matchesOf(trie, 'a'), ['v'])
})

test('adding, removing and matching in any order agrees with a plain list of pairs', () => {
  const change = fc.record({ add: fc.boolean(), filter: anyFilter, value: fc.integer({ min: 0, max: 3 }) })
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 60 }),
      fc.array(anyTopic, { minLength: 1, maxLength: 8 }),
      (changes, topics) => {
        const trie = new TopicTrie<number>()
        const pairs = new Map<string, [string, number]>()
        for (const { add, filter, value } of changes) {
          const key = `${filter}\0${value}`
          if (add) {
            trie.add(filter, value)
            pairs.set(key, [filter, value])
          } else assert.equal(trie.remove(filter, value), pairs.delete(key))
        }
        assert.equal(trie.size, pairs.size)
        for (const topic of topics) {
          const expected = [...pairs.values()]
            .filter(([filter]) => matchesPlainly(filter, topic))
            .map(([, value]) => value)
          assert.deepEqual(matchesOf(trie, topic).sort(), expected.sort())
        }
      },
    ),
    { numRuns: 1_000 },
  )
})

test('removing the last value cuts the branch, so that a passing crowd leaves nothing behind', () => {
  const trie = new TopicTrie<number>()
  const churn = (): void => {
    for (let i = 0; i < 20_000; i++) trie.add(`crowd/${i}/+/deep/#`, i)
    for (let i = 0; i < 20_000; i++) assert.equal(trie.remove(`crowd/${i}/+/deep/#`, i), true)
  }
  trie.add('crowd', 1)
  churn()
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < 10; i++) churn()
  assert.ok(process.memoryUsage().heapUsed - before < 100e6)
  assert.equal(trie.size, 1)
  assert.deepEqual(matchesOf(trie, 'crowd'), [1])
  assert.equal(trie.remove('crowd/1/+/deep/#', 1), false)
})

test('filters and topics of 65,535 bytes, all of them slashes, are added, matched and removed without a deep stack', () => {
  const trie = new TopicTrie<string>()
  const slashes = '/'.repeat(65_535)
  const pluses = `${'+/'.repeat(32_767)}#`
  trie.add(slashes, 'slashes')
  trie.add(pluses, 'pluses')
  assert.deepEqual(matchesOf(trie, slashes).sort(), ['pluses', 'slashes'])
  assert.equal(trie.remove(slashes, 'slashes'), true)
  assert.equal(trie.remove(pluses, 'pluses'), true)
  assert.deepEqual(matchesOf(trie, slashes), [])
})

test('a thicket of + costs no more steps than the tree has nodes', () => {
  const trie = new TopicTrie<number>()
  // Every filter of {a,+} over 12 levels: 4,096 filters, 8,190 nodes, all of which match.
  for (let bits = 0; bits < 4_096; bits++) {
    trie.add(Array.from({ length: 12 }, (_, i) => ((bits >> i) & 1 ? '+' : 'a')).join('/'), bits)
  }
  // And a comb: + at every depth of a long chain, each ending in a literal that never comes.
  for (let depth = 1; depth < 2_000; depth++) trie.add(`${'+/'.repeat(depth)}never`, -1)
  const started = performance.now()
  assert.equal(matchesOf(trie, Array(12).fill('a').join('/')).length, 4_096)
  assert.deepEqual(matchesOf(trie, Array(4_000).fill('a').join('/')), [])
  const tookMs = performance.now() - started
  assert.ok(tookMs < 1_000, `took ${tookMs} ms`)
})

test('the levels are counted, and foretold', () => {
  const trie = new TopicTrie<number>()
  assert.equal(trie.missing('a/+/#'), 2)
  trie.add('a/+/#', 1)
  assert.deepEqual([trie.nodes, trie.missing('a/+/b/c'), trie.missing('a/+'), trie.missing('#')], [2, 2, 0, 0])
  trie.add('a/+/b/c', 2)
  assert.equal(trie.nodes, 4)
  trie.remove('a/+/#', 1)
  assert.equal(trie.nodes, 4)
  trie.remove('a/+/b/c', 2)
  assert.equal(trie.nodes, 0)
})

test('a level that outlives the filter that brought it does not hold on to the rest of it', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const trie = new TopicTrie<number>()
  collect()
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < 200; i++) {
    const shared = `the name of one level, number ${i}`
    const long = `${shared}/${'x'.repeat(60_000)}`
    trie.add(long, i)
    trie.add(`${shared}/y`, i)
    trie.remove(long, i)
  }
  collect()
  assert.equal(trie.nodes, 400)
  assert.ok(process.memoryUsage().heapUsed - before < 4_000_000)
})
