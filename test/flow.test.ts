import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Verdict } from '../src/broker/port.ts'
import { TrestleError } from '../src/contract/error.ts'
import type { Message, Owed } from '../src/contract/message.ts'
import { Flow } from '../src/flow.ts'
import { type AppendWaiter, deadLetterSink } from '../src/journal/port.ts'
import { load, message } from './engine/rules.ts'

interface Appended {
  owed: readonly Owed[]
  awaited: boolean
  waiter: AppendWaiter | null
  token: number
}

/** A flow over a journal that keeps in memory what it is given, or refuses. */
function flowOf(files: Record<string, string>, start = 1) {
  const appended: Appended[] = []
  const routed: string[] = []
  const settled: [number, string | null][] = []
  const journal = {
    error: null as TrestleError | null,
    append(_message: Message, owed: readonly Owed[], awaited: boolean, waiter: AppendWaiter | null, token: number) {
      if (journal.error !== null) return -1
      return start - 1 + appended.push({ owed: [...owed], awaited, waiter, token })
    },
  }
  const rules = load(files)
  const flow = new Flow(rules, journal)
  flow.route = ({ topic }) => routed.push(topic)
  const waiter = { settle: (token: number, error: TrestleError | null) => settled.push([token, error?.code ?? null]) }
  const take = (topic: string, payload: unknown = { v: 1 }, token = 7) =>
    flow.take(message(payload, { topic }), flow.lookup(topic)!, waiter, token)
  return { flow, rules, journal, appended, routed, settled, take }
}

const targets = ({ owed }: Appended): string[] => owed.map(({ rule, sink, target }) => `${rule} ${sink} ${target}`)

describe('A1: an acknowledgement', () => {
  const rule = (ack: string): Record<string, string> => ({ r: `from: a/{x}\nto: [{ sink: records }]\nack: ${ack}\n` })

  it('`received` is due at once', () => {
    const { take, appended } = flowOf(rule('received'))
    assert.equal(take('a/1'), Verdict.Accepted)
    assert.equal(appended[0]!.waiter, null)
  })

  it('A6 A9: `received` is not enough for what is safe elsewhere until it is answered: a dead letter, a source', () => {
    const { flow, appended } = flowOf(rule('received'))
    const replaying = { wantsStored: true, settle: () => {} }
    assert.equal(flow.take(message({}, { topic: 'a/1' }), flow.lookup('a/1')!, replaying, 1), Verdict.Pending)
    assert.equal(appended[0]!.waiter, replaying)
  })

  it('`stored` is due when the journal says so', () => {
    const { take, appended, settled } = flowOf(rule('stored'))
    assert.equal(take('a/1'), Verdict.Pending)
    appended[0]!.waiter!.settle(appended[0]!.token, null)
    assert.deepEqual(settled, [[7, null]])
  })

  it('`delivered` is due when every sink has confirmed, once, and not when it is stored', () => {
    const two = { r: 'from: a/{x}\nto: [{ sink: records }, { sink: lake, topic: t }]\nack: delivered\n' }
    const { take, flow, appended, settled } = flowOf(two, 41)
    assert.equal(take('a/1'), Verdict.Pending)
    assert.ok(appended[0]!.awaited)
    appended[0]!.waiter!.settle(0, null)
    flow.awaiting.settle(41, 'records', null)
    flow.awaiting.settle(41, 'records', null)
    assert.deepEqual(settled, [], 'one sink is no answer, however often it is told')
    flow.awaiting.settle(41, 'lake', null)
    flow.awaiting.settle(41, 'lake', null)
    assert.deepEqual(settled, [[7, null]])
    assert.equal(flow.awaiting.count, 0)
  })

  it('`delivered` tells what a sink said no to', () => {
    const { take, flow, settled } = flowOf(rule('delivered'))
    take('a/1')
    flow.awaiting.settle(1, 'records', new TrestleError('E605', 'too large'))
    assert.deepEqual(settled, [[7, 'E605']])
  })

  it('`delivered` is an error when the record was not stored, and nobody waits any more', () => {
    const { take, flow, appended, settled } = flowOf(rule('delivered'))
    take('a/1')
    appended[0]!.waiter!.settle(0, new TrestleError('E504', 'disk full'))
    assert.deepEqual(settled, [[7, 'E504']])
    assert.equal(flow.awaiting.count, 0)
  })

  it('is not due for what the journal does not take: nothing is routed or counted', () => {
    const { take, journal, rules, routed } = flowOf({
      r: 'from: a/{x}\nto: [{ sink: records }, { publish: "b/${x}" }]\n',
    })
    journal.error = new TrestleError('E504', 'disk full')
    assert.equal(take('a/1'), Verdict.Busy)
    assert.deepEqual(routed, [])
    assert.equal(rules.rules[0]!.counters.received, 0)
  })
})

describe('what a rule publishes', () => {
  const chain = {
    first:
      'from: a/{x}\nto: [{ sink: lake, topic: first }, { publish: "b/${x}" }, { publish: "c/${x}" }]\nack: stored\n',
    second: 'from: b/{x}\nto: [{ sink: lake, topic: second }]\nack: received\n',
    third: 'from: c/{x}\nwhere: payload.v > 0\nto: [{ sink: records }, { publish: "d/${x}" }]\nack: delivered\n',
  }

  it('A8: goes through the rules too, and takes nothing from what was owed before', () => {
    const { take, appended, routed, rules } = flowOf(chain)
    assert.equal(take('a/1'), Verdict.Pending)
    assert.equal(appended.length, 1, 'one append for all of it')
    assert.deepEqual(targets(appended[0]!), ['first lake first', 'second lake second', 'third records null'])
    assert.ok(appended[0]!.awaited, 'the strongest acknowledgement of all')
    assert.deepEqual(routed, ['b/1', 'c/1', 'd/1'])
    const counted = rules.rules.map(({ name, counters }) => `${name} ${counters.claims}+${counters.published}`)
    assert.deepEqual(counted, ['first 1+2', 'second 1+0', 'third 1+1'])
  })

  it('B6: and is refused there, is refused as a whole, with one dead letter and one count', () => {
    const { take, appended, routed, rules } = flowOf({
      ...chain,
      second: 'from: b/{x}\nwhere: payload.missing > 1\nto: [{ sink: records }]\n',
    })
    assert.equal(take('a/1'), Verdict.RefusedPending)
    assert.deepEqual(targets(appended[0]!), [`second ${deadLetterSink} null`])
    assert.deepEqual(routed, [])
    assert.deepEqual(
      rules.rules.map(({ counters }) => counters.received),
      [0, 1, 0],
    )
  })

  it('and cuts into items again and again, is refused before it fills the memory', () => {
    const items = 'for_each: lists.range(300)\n'
    const { take, appended, routed, flow } = flowOf({
      first: `from: a/{x}\n${items}to: [{ publish: "b/\${index}" }]\n`,
      second: `from: b/{x}\n${items}to: [{ sink: lake }]\n`,
    })
    assert.equal(take('a/1'), Verdict.RefusedPending)
    assert.deepEqual(targets(appended[0]!), [`first ${deadLetterSink} null`])
    assert.deepEqual(routed, [])
    assert.match(flow.error?.message ?? '', /^more than 50000 messages and deliveries come of this one at b\/1\d\d$/)
  })
})
