import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Feed } from '../../../../connectors/kafka/consumer/feed.ts'
import { Progress } from '../../../../connectors/kafka/consumer/progress.ts'
import { isHeldByTransaction, silenceOf } from '../../../../connectors/kafka/consumer/watchdog.ts'

describe('the watchdog', () => {
  const feedOf = (): Feed => Object.assign(new Feed('t', 0, new Progress(5, -1), 1000), { leader: 1, endOffset: 9 })
  const watch = { nowMs: 70_000, limitMs: 60_000, hasRoom: true }

  test('tells of a partition that is silent although it may be read', () => {
    assert.match(
      silenceOf(feedOf(), watch)!.message,
      /nothing was heard of t-0 for 69 s \(broker 1, offset 5, 4 records behind\)/,
    )
    assert.equal(silenceOf(feedOf(), { ...watch, nowMs: 50_000 }), null)
    assert.equal(silenceOf(Object.assign(feedOf(), { leader: -1 }), watch)!.code, 'E607')
  })

  test('does not take waiting for the hub as silence, and begins to count when that ends', () => {
    const feed = feedOf()
    assert.equal(silenceOf(feed, { ...watch, hasRoom: false }), null)
    assert.equal(silenceOf(feed, { ...watch, nowMs: 71_000 }), null)
    assert.notEqual(silenceOf(feed, { ...watch, nowMs: 140_000 }), null)
  })

  test('tells once of a transaction that nobody ends', () => {
    const feed = Object.assign(feedOf(), { fetchOffset: 9, highWatermark: 12 })
    assert.equal(isHeldByTransaction(feed, { ...watch, nowMs: 30_000 }), false)
    assert.equal(isHeldByTransaction(feed, watch), true)
    assert.equal(isHeldByTransaction(feed, watch), false)
  })
})
