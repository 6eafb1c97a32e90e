import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { TrestleError } from 'trestle/contract'
import { Cluster } from '../../../../connectors/kafka/consumer/cluster.ts'
import { Feed, Feeds } from '../../../../connectors/kafka/consumer/feed.ts'
import { Fetcher } from '../../../../connectors/kafka/consumer/fetcher.ts'
import { Progress } from '../../../../connectors/kafka/consumer/progress.ts'
import { kafkaSourceOptions } from '../../../../connectors/kafka/source-options.ts'
import { until } from '../../../support/bridge-rig.ts'
import { FakeLine, keys, metadata, type Script } from './fake-line.ts'

const answerOf = (errorCode: number): object => ({
  errorCode: 0,
  partitions: [
    {
      topic: 't',
      index: 0,
      errorCode,
      highWatermark: 5,
      lastStableOffset: 5,
      aborted: [],
      records: Buffer.alloc(0),
    },
  ],
})
const later = (answer: object): Promise<object> => new Promise((done) => setTimeout(() => done(answer), 5))

interface Rig {
  fetcher: Fetcher
  line: FakeLine
  feed: Feed
  refused: number[]
  lost: Feed[]
  failures: TrestleError[]
  hold(held: boolean): void
}

function rigOf(script: Script): Rig {
  const line = new FakeLine(script)
  const feeds = new Feeds()
  const feed = new Feed('t', 0, new Progress(5, 5), Date.now())
  feeds.add(feed)
  const refused: number[] = []
  const lost: Feed[] = []
  const failures: TrestleError[] = []
  let room = 1_000_000
  const options = kafkaSourceOptions({ topics: ['t'], group: 'g', publish: 'in' })
  const fetcher = new Fetcher(line, new Cluster(line, true), feeds, options, {
    room: () => room,
    arrived: () => {},
    outOfRange: async (one) => {
      lost.push(one)
      one.seek(2)
    },
    unreadable: (_feed, _offset, error) => failures.push(error),
    refused: (_feed, code) => refused.push(code),
    failed: (error) => failures.push(error),
  })
  const hold = (held: boolean): void => {
    room = held ? 0 : 1_000_000
  }
  return { fetcher, line, feed, refused, lost, failures, hold }
}

describe('the fetcher', () => {
  test('follows a partition to its new leader', async () => {
    let leader = 1
    const { fetcher, line, feed, failures } = rigOf((key, port) => {
      if (key === keys.metadata) return metadata(leader)
      return later(answerOf(port === leader ? 0 : 6))
    })
    fetcher.follow()
    await until(() => line.count(keys.fetch, 1) > 3, 'broker 1 is asked')
    leader = 2
    await until(() => line.count(keys.fetch, 2) > 3, 'broker 2 is asked')
    assert.equal(feed.leader, 2)
    await fetcher.close()
    assert.deepEqual(failures, [])
  })

  test('waits for a leader as long as there is none', async () => {
    let leader = -1
    const { fetcher, line, failures } = rigOf((key) => (key === keys.metadata ? metadata(leader) : later(answerOf(0))))
    fetcher.follow()
    await until(() => line.count(keys.metadata) > 2, 'the cluster is asked')
    assert.equal(line.count(keys.fetch), 0)
    leader = 1
    await until(() => line.count(keys.fetch) > 0, 'it is fetched')
    await fetcher.close()
    assert.deepEqual(failures, [])
  })

  test('asks where to go when a broker is cut off, and gives up when the cluster keeps naming it', async () => {
    const cut = new TrestleError('E601', 'connection closed')
    let isCut = true
    const { fetcher, line, failures } = rigOf((key) =>
      key === keys.metadata ? metadata(1) : isCut ? cut : later(answerOf(0)),
    )
    fetcher.follow()
    await until(() => line.count(keys.fetch) === 2, 'it is tried again')
    isCut = false
    await until(() => line.count(keys.fetch) > 5, 'it goes on')
    assert.equal(failures.length, 0)
    isCut = true
    await until(() => failures.length > 0, 'it is told')
    assert.equal(failures[0]!.code, 'E601')
    await fetcher.close()
  })

  test('asks for nothing while there is no room, and goes on when it is woken', async () => {
    const { fetcher, line, hold } = rigOf((key) => (key === keys.metadata ? metadata(1) : later(answerOf(0))))
    fetcher.follow()
    await until(() => line.count(keys.fetch) > 1, 'it flows')
    hold(true)
    await new Promise((done) => setTimeout(done, 30))
    const before = line.count(keys.fetch)
    await new Promise((done) => setTimeout(done, 50))
    assert.equal(line.count(keys.fetch), before)
    hold(false)
    fetcher.wake()
    await until(() => line.count(keys.fetch) > before, 'it flows again')
    await fetcher.close()
  })

  test('fetches where it is told when the offset is not in the log, and tells what it may not read', async () => {
    let code = 1
    const { fetcher, feed, lost, refused } = rigOf((key) =>
      key === keys.metadata ? metadata(1) : later(answerOf(code)),
    )
    fetcher.follow()
    await until(() => lost.length > 0, 'it is asked')
    code = 0
    assert.equal(feed.fetchOffset, 2)
    code = 29
    await until(() => refused.length > 0, 'it is told')
    assert.equal(refused[0], 29)
    await fetcher.close()
  })
})
