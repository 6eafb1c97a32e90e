import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TopicCache, TopicEntry } from '../../../src/broker/router/topic-cache.ts'

function put(cache: TopicCache, topic: string): TopicEntry {
  const bytes = Buffer.from(topic)
  const entry = new TopicEntry(topic, bytes, cache.hash(bytes, 0, bytes.length))
  cache.keep(entry)
  return entry
}

function get(cache: TopicCache, topic: string): TopicEntry | null {
  const bytes = Buffer.from(`..${topic}..`)
  return cache.find(bytes, 2, bytes.length - 2, cache.hash(bytes, 2, bytes.length - 2))
}

test('a topic is found by its bytes, wherever they lie, and never another', () => {
  const cache = new TopicCache(1024, 12345)
  const entries = Array.from({ length: 300 }, (_, i) => put(cache, `site/${i}/temperature`))
  let found = 0
  entries.forEach((entry, i) => {
    const got = get(cache, `site/${i}/temperature`)
    assert.ok(got === null || got === entry)
    if (got !== null) found++
  })
  assert.ok(found > 290, `${found} of 300 in a table of 1,024`)
  assert.equal(get(cache, 'site/1/humidity'), null)
})

test('publishers who invent topics do not make it grow', () => {
  const cache = new TopicCache(64, 1)
  const topics = Array.from({ length: 5000 }, (_, i) => put(cache, `t/${i}`).topic)
  assert.ok(topics.filter((topic) => get(cache, topic) !== null).length <= 64)
  assert.ok(get(cache, 't/4999') !== null, 'the newest is there')
  put(cache, 'x'.repeat(600))
  assert.equal(get(cache, 'x'.repeat(600)), null, 'long topics are not kept')
})

test('the seed decides where topics stand', () => {
  const bytes = Buffer.from('a/b/c')
  const hashes = new Set([1, 2, 3, 4].map((seed) => new TopicCache(64, seed).hash(bytes, 0, bytes.length)))
  assert.equal(hashes.size, 4)
})
