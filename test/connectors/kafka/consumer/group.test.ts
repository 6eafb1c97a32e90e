import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import type { TrestleError } from 'trestle/contract'
import { Coordinator, noMember } from '../../../../connectors/kafka/consumer/coordinator.ts'
import { Group } from '../../../../connectors/kafka/consumer/group.ts'
import { MemberMemory } from '../../../../connectors/kafka/consumer/member-memory.ts'
import { type Partitions, writeAssignment } from '../../../../connectors/kafka/consumer/member-protocol.ts'
import { kafkaSourceOptions } from '../../../../connectors/kafka/source-options.ts'
import { until } from '../../../support/bridge-rig.ts'
import { connectorContext } from '../../../support/delivery.ts'
import { FakeLine, found, keys, type Script } from './fake-line.ts'

const assignment = (indexes: readonly number[]): Buffer => writeAssignment(new Map([['t', indexes]]))

describe('a membership', () => {
  let folder: string
  const groups: Group[] = []
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trestle-group-'))
  })
  afterEach(async () => {
    await Promise.all(groups.splice(0).map((group) => group.close()))
    await rm(folder, { recursive: true })
  })

  /** Codes by api key are answered once each, in their order; then all is well. */
  function rigOf(codes: Record<number, number[]>, indexes: () => readonly number[] = () => [0, 1]) {
    let generation = 0
    const events: string[] = []
    const failures: TrestleError[] = []
    let owned = new Map<string, readonly number[]>()
    const script: Script = (key, port) => {
      const errorCode = codes[key]?.shift() ?? 0
      if (key === keys.find) return found(port, errorCode)
      if (key === keys.join) {
        events.push(`join ${errorCode}`)
        const member = { memberId: 'me', members: [], leader: 'another', protocolName: 'cooperative-sticky' }
        return { errorCode, generationId: errorCode === 0 ? ++generation : -1, ...member }
      }
      if (key === keys.sync) return { errorCode, assignment: assignment(indexes()) }
      return { errorCode, topics: [], members: [] }
    }
    const line = new FakeLine(script)
    const options = kafkaSourceOptions({ topics: ['t'], group: 'g', publish: 'in', session_timeout_ms: 60 })
    const memory = new MemberMemory(options, connectorContext(folder))
    const shown = (partitions: Partitions): string => [...partitions.values()].flat().join()
    const group = new Group({ coordinator: new Coordinator(line, 'g', 1000), client: line, memory }, options, {
      topics: () => ['t'],
      counts: async () => new Map([['t', 2]]),
      owned: () => owned,
      revoke: async (partitions) => {
        events.push(`revoke ${shown(partitions)}`)
        const gone = new Set([...partitions.values()].flat())
        owned = new Map([...owned].map(([topic, all]) => [topic, all.filter((index) => !gone.has(index))]))
      },
      lost: () => {
        if (owned.size > 0) events.push('lost')
        owned = new Map()
      },
      assign: async (partitions) => {
        events.push(`assign ${shown(partitions)}`)
        owned = new Map([['t', [...(owned.get('t') ?? []), ...[...partitions.values()].flat()]]])
      },
      failed: (error) => failures.push(error),
      told: () => {},
    })
    groups.push(group)
    return { group, line, events, failures }
  }

  test('begins with the id the coordinator gives', async () => {
    const { group, events } = rigOf({ [keys.join]: [79] })
    await group.open()
    assert.deepEqual(events, ['join 79', 'join 0', 'assign 0,1'])
    assert.deepEqual(group.membership, { generation: 1, memberId: 'me', instanceId: null })
  })

  test('waits for a coordinator that is only coming, and finds it when it has moved', async () => {
    const { group, line, events } = rigOf({ [keys.find]: [15, 14], [keys.join]: [16], [keys.sync]: [14] })
    await group.open()
    assert.deepEqual(events, ['join 16', 'join 0', 'join 0', 'assign 0,1'])
    assert.ok(line.count(keys.find) >= 4)
  })

  test('gives up what moves, and joins again so that another may have it', async () => {
    let indexes: number[] = [0, 1]
    const codes: Record<number, number[]> = {}
    const { group, events } = rigOf(codes, () => indexes)
    await group.open()
    indexes = [0]
    codes[keys.heartbeat] = [27]
    await until(() => events.filter((event) => event === 'join 0').length === 3, 'it has joined again')
    assert.deepEqual(events, ['join 0', 'assign 0,1', 'join 0', 'revoke 1', 'join 0'])
  })

  test('begins anew when the group no longer knows it, and stores nothing then', async () => {
    const codes: Record<number, number[]> = {}
    const { group, events, failures } = rigOf(codes)
    await group.open()
    codes[keys.heartbeat] = [25]
    await until(() => events.length === 5, 'it is in again')
    assert.deepEqual(events, ['join 0', 'assign 0,1', 'lost', 'join 0', 'assign 0,1'])
    assert.deepEqual(failures, [])
  })

  test('tells what it cannot cure', async () => {
    const refused = rigOf({ [keys.join]: [30] })
    await assert.rejects(refused.group.open(), ({ code, detail }) => {
      assert.equal(code, 'E603')
      assert.match(detail.advice, /READ on the group/)
      return true
    })
    const codes: Record<number, number[]> = {}
    const fenced = rigOf(codes)
    await fenced.group.open()
    codes[keys.heartbeat] = [82]
    await until(() => fenced.failures.length > 0, 'it is told')
    assert.match(fenced.failures[0]!.message, /FENCED_INSTANCE_ID/)
  })

  test('is remembered until it has left: after a crash the same member comes back', async () => {
    const first = rigOf({})
    await first.group.open()
    await until(async () => (await readdir(folder)).length === 1, 'the id is kept')
    const memory = (): MemberMemory =>
      new MemberMemory(kafkaSourceOptions({ topics: ['t'], group: 'g', publish: 'in' }), connectorContext(folder))
    await first.group.close()
    assert.equal(await memory().recall(), 'me')
    assert.equal(await memory().recall(), '', 'two sources are not one member')
    await first.group.leave(first.line)
    assert.deepEqual(await readdir(folder), [])
  })
})

describe('the coordinator', () => {
  const offset = { topic: 't', index: 0, offset: 7 }
  const commitOf = (codes: number[]): { line: FakeLine; coordinator: Coordinator } => {
    const line = new FakeLine((key, port) => {
      if (key === keys.find) return found(port)
      const partitions = [{ partitionIndex: 0, errorCode: codes.shift() ?? 0 }]
      return { topics: [{ name: 't', partitions }] }
    })
    return { line, coordinator: new Coordinator(line, 'g', 1000) }
  }

  test('stores offsets, also when it has to be found again first', async () => {
    const { coordinator, line } = commitOf([16, 14])
    assert.deepEqual(await coordinator.commit(noMember, [offset]), [offset])
    assert.equal(line.count(keys.find), 2)
  })

  test('does not take for stored what a rebalance refused, nor what a deleted topic had', async () => {
    for (const code of [27, 22, 25, 3]) {
      assert.deepEqual(await commitOf([code]).coordinator.commit(noMember, [offset]), [], String(code))
    }
  })

  test('tells a missing right', async () => {
    await assert.rejects(commitOf([30]).coordinator.commit(noMember, [offset]), { code: 'E603' })
  })
})
