import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Counters } from '../../../src/broker/counters.ts'
import { defaultLimits } from '../../../src/broker/limits.ts'
import { Retained } from '../../../src/broker/router/retained.ts'
import type { Message } from '../../../src/contract/message.ts'
import { topicMatches } from '../../../src/topic/filter.ts'

const message = (topic: string, text = 'x', more: Partial<Message> = {}): Message => ({
  topic,
  payload: Buffer.from(text),
  qos: 1,
  retain: true,
  properties: null,
  client: 'c',
  username: null,
  source: null,
  timeMs: 0,
  ...more,
})

const topics = (retained: Retained, filter: string, nowMs = 0) =>
  retained
    .match(filter, nowMs)
    .map(({ message }) => message.topic)
    .toSorted()

test('a filter finds just the topics it matches', () => {
  const level = fc.constantFrom('a', 'b', '', '$x')
  const topic = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'))
  const filter = fc
    .tuple(fc.array(fc.constantFrom('a', 'b', '', '+', '$x'), { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([levels, hash]) => [...levels, ...(hash ? ['#'] : [])].join('/'))
  fc.assert(
    fc.property(fc.uniqueArray(topic, { maxLength: 30 }), filter, (all, wanted) => {
      const retained = new Retained(defaultLimits, new Counters())
      const legal = all.filter((each) => each !== '')
      for (const each of legal) retained.set(message(each))
      assert.equal(retained.count, legal.length)
      assert.deepEqual(topics(retained, wanted), legal.filter((each) => topicMatches(wanted, each)).toSorted())
      for (const each of legal) retained.set(message(each, ''))
      assert.deepEqual([retained.count, retained.bytes], [0, 0])
    }),
    { numRuns: 300 },
  )
})

test('an expired message is not given and is let go', () => {
  const retained = new Retained(defaultLimits, new Counters())
  retained.set(message('a', 'x', { properties: { expirySeconds: 10 } }))
  assert.deepEqual(topics(retained, '#', 9_999), ['a'])
  assert.deepEqual(topics(retained, '#', 10_000), [])
  assert.equal(retained.count, 0)
})

test('A7: properties and levels weigh too, for as long as they are there', () => {
  const counters = new Counters()
  const retained = new Retained({ ...defaultLimits, maxRetainedBytes: 100_000 }, counters)
  retained.set(message('user', 'x', { properties: { user: [['name', 'v'.repeat(100_000)]] } }))
  retained.set(message('/'.repeat(1000), 'x'))
  assert.equal(counters.dropped['retained-full'], 2)
  assert.deepEqual([retained.count, retained.bytes], [0, 0])
  for (let i = 0; i < 50; i++) retained.set(message(`${'deep/'.repeat(50)}${i}`, 'x'))
  assert.equal(retained.count, 50, 'shared levels weigh once')
  for (let i = 0; i < 50; i++) retained.set(message(`${'deep/'.repeat(50)}${i}`, ''))
  assert.equal(retained.bytes, 0)
})

test('the limits hold, and what they refuse is counted', () => {
  const counters = new Counters()
  const retained = new Retained({ ...defaultLimits, maxRetainedMessages: 3, maxRetainedBytes: 5000 }, counters)
  for (let i = 0; i < 5; i++) retained.set(message(`t/${i}`))
  assert.equal(retained.count, 3)
  retained.set(message('t/0', 'replaced'))
  assert.equal(retained.count, 3)
  retained.set(message('t/1', 'y'.repeat(6000)))
  assert.equal(counters.dropped['retained-full'], 3)
  assert.ok(retained.bytes <= 5000)
})

test('a topic of as many levels as can be is found without ending the search for others', () => {
  const retained = new Retained(defaultLimits, new Counters())
  const deepest = '/'.repeat(65_535)
  for (const topic of [deepest, 'a', '/b']) retained.set(message(topic))
  assert.deepEqual(topics(retained, '#'), [deepest, '/b', 'a'].toSorted())
  assert.deepEqual(topics(retained, '+/+/#'), [deepest, '/b'].toSorted())
})
