import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { crc32c } from '@platformatic/kafka'
import { Inbound, type Intake } from 'trestle/contract'
import { Feed, Feeds } from '../../../../connectors/kafka/consumer/feed.ts'
import { HandIn } from '../../../../connectors/kafka/consumer/hand-in.ts'
import { Progress } from '../../../../connectors/kafka/consumer/progress.ts'
import { scanBatches } from '../../../../connectors/kafka/consumer/record-batches.ts'
import { kafkaSourceOptions } from '../../../../connectors/kafka/source-options.ts'
import { until } from '../../../support/bridge-rig.ts'
import { HeldIntake } from '../../../support/held-intake.ts'

/** A batch of records whose values are `<offset> ` and then random letters, packed where it is asked. */
function batchAt(baseOffset: number, count: number, { packed = false, letters = 10 } = {}): Buffer {
  const records = Array.from({ length: count }, (_, at) => {
    const value = `${baseOffset + at} ${Array.from({ length: letters }, () => Math.random().toString(36)[2]).join('')}`
    const body = Buffer.concat([
      Buffer.from([0, 0, at * 2, 1]),
      varint(value.length),
      Buffer.from(value),
      Buffer.from([0]),
    ])
    return Buffer.concat([varint(body.length), body])
  })
  const plain = Buffer.concat(records)
  const batch = Buffer.concat([Buffer.alloc(61), packed ? gzipSync(plain) : plain])
  batch.writeBigInt64BE(BigInt(baseOffset), 0)
  batch.writeInt32BE(batch.length - 12, 8)
  batch[16] = 2
  batch.writeInt16BE(packed ? 1 : 0, 21)
  batch.writeInt32BE(count - 1, 23)
  batch.writeInt32BE(count, 57)
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17)
  return batch
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value * 2
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  return Buffer.from([...bytes, rest])
}

function rigOf(intake: Intake, options: Record<string, unknown> = {}) {
  const feeds = new Feeds()
  const given = kafkaSourceOptions({ topics: ['t'], group: 'g', publish: 'in', ...options })
  const notTaken: Feed[] = []
  const unreadable: number[] = []
  const handIn = new HandIn(intake, new Inbound(given, 'source'), feeds, given, {
    now: () => 0,
    eased: () => {},
    unreadable: (feed, offset) => {
      unreadable.push(offset)
      feed.stop()
    },
    notTaken: (feed) => {
      notTaken.push(feed)
      feed.stop()
    },
  })
  const feedOf = (index: number, ...batches: Buffer[]): Feed => {
    const feed = new Feed('t', index, new Progress(0, 0), 0)
    feeds.add(feed)
    const { batches: found, nextOffset } = scanBatches(Buffer.concat(batches), 0, [])
    feed.enqueue(found, nextOffset)
    return feed
  }
  return { handIn, feedOf, notTaken, unreadable }
}

const offsets = ({ values }: HeldIntake): number[] => values.map((value) => Number(value.split(' ')[0]))

describe('handing in', () => {
  test('keeps the order of a partition where one batch is unpacked beside the thread and the next is not packed', async () => {
    const intake = new HeldIntake()
    const { handIn, feedOf } = rigOf(intake)
    const feed = feedOf(
      0,
      batchAt(0, 60, { packed: true, letters: 4000 }),
      batchAt(60, 3),
      batchAt(63, 2, { packed: true }),
    )
    handIn.pump()
    await until(() => intake.taken.length === 65, 'all is handed in')
    assert.deepEqual(offsets(intake), [...Array(65).keys()])
    await until(() => feed.progress.done === 65, 'all is answered')
    assert.deepEqual({ count: handIn.count, bytes: handIn.bytes }, { count: 0, bytes: 0 })
  })

  test('stops in the middle of a batch when the hub is full, and goes on there', async () => {
    const intake = new HeldIntake(null)
    const { handIn, feedOf } = rigOf(intake, { max_unsettled: 4 })
    const feed = feedOf(0, batchAt(0, 10))
    handIn.pump()
    assert.deepEqual(offsets(intake), [0, 1, 2, 3])
    assert.equal(handIn.room, 0)
    assert.equal(feed.progress.done, 0)
    intake.answerAll()
    await until(() => feed.progress.done === 10, 'all is answered')
    assert.deepEqual(offsets(intake), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('leaves out what lies before the position: a fetch begins in the middle of a batch', async () => {
    const intake = new HeldIntake()
    const { handIn, feedOf } = rigOf(intake)
    const feed = feedOf(0, batchAt(0, 5))
    feed.progress.next = 3
    handIn.pump()
    assert.deepEqual(offsets(intake), [3, 4])
  })

  test('takes nothing for stored when the hub throws instead of answering', async () => {
    const throwing = { take: () => Promise.reject(new Error('unforeseen')), lost: () => {} }
    const { handIn, feedOf, notTaken } = rigOf(throwing)
    const feed = feedOf(0, batchAt(0, 2))
    handIn.pump()
    await until(() => notTaken.length > 0, 'it is told')
    assert.deepEqual({ done: feed.progress.done, count: handIn.count }, { done: 0, count: 0 })
  })

  test('hands in what stands before a batch that cannot be read, and the other partitions', async () => {
    const intake = new HeldIntake()
    const { handIn, feedOf, unreadable } = rigOf(intake)
    const damaged = batchAt(2, 2)
    damaged[70] = damaged[70]! ^ 1
    feedOf(0, batchAt(0, 2), damaged)
    feedOf(1, batchAt(0, 1))
    handIn.pump()
    assert.deepEqual(unreadable, [2])
    assert.deepEqual(offsets(intake).toSorted(), [0, 0, 1])
  })

  test('takes in nothing while the flow is held', () => {
    const intake = new HeldIntake()
    const { handIn, feedOf } = rigOf(intake)
    feedOf(0, batchAt(0, 2))
    handIn.hold()
    handIn.pump()
    assert.equal(intake.taken.length, 0)
    assert.equal(handIn.room, 0)
    handIn.release()
    assert.equal(intake.taken.length, 2)
  })
})
