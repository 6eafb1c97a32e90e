import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  connectorReport,
  outOfReach,
  ruleLedgers,
  type SinkNumbers,
  sinkLedger,
  unknownYet,
} from '../../src/bridge/report.ts'

const sink: SinkNumbers = {
  settled: 8,
  settledBytes: 800,
  byRule: {
    one: { delivered: 4, deadLettered: 1, dropped: 0, expired: 1 },
    two: { delivered: 2, deadLettered: 0, dropped: 0, expired: 0 },
  },
  drops: {},
  held: 1,
  lastOrdinal: 9,
  unaccounted: 0,
  oldestMs: 5000,
}
const tally = { messages: 12, bytes: 1300, byRule: { one: 9, two: 3 } }

test('what a sink is owed and has not settled is pending', () => {
  assert.deepEqual(sinkLedger(sink, tally), {
    received: 12,
    delivered: 6,
    filtered: 0,
    refused: 0,
    absorbed: 0,
    deadLettered: 1,
    dropped: 0,
    expired: 1,
    pending: 4,
    unaccounted: 0,
  })
  assert.equal(sinkLedger({ ...sink, unaccounted: 2 }, tally).pending, 2, 'what is missing is not pending')
})

test('A8: the same claims by rule, over all sinks', () => {
  const ledgers = ruleLedgers([
    { sink, tally },
    { sink, tally },
  ])
  assert.deepEqual(
    [...ledgers].map(([rule, { received, delivered, pending }]) => [rule, received, delivered, pending]),
    [
      ['one', 18, 8, 6],
      ['two', 6, 4, 2],
    ],
  )
})

test('a connector’s report says what waits, in messages and bytes, and since when', () => {
  const link = { ...unknownYet('lake', 'kafka'), sink }
  assert.deepEqual(connectorReport(link, tally).waiting, { messages: 4, bytes: 500, oldestMs: 5000 })
  assert.equal(connectorReport({ ...link, sink: null }, null).waiting, null)
  const drained = { messages: 8, bytes: 800, byRule: { one: 6, two: 2 } }
  assert.deepEqual(connectorReport(link, drained).waiting, { messages: 0, bytes: 0, oldestMs: null })
})

test('a connector whose thread has ended is failing, with the reason; one that was stopped is stopped', () => {
  const known = { ...unknownYet('lake', 'kafka'), state: 'connected' as const, outPerS: 7, sink }
  const thread = { why: 'out of memory', sinceMs: 9, restarts: 1 }
  const dead = outOfReach(known, { ...thread, state: 'restarting' })
  assert.deepEqual([dead.state, dead.outPerS, dead.sink], ['failing', 0, sink])
  assert.equal(dead.why, 'connector thread ended and is started again: out of memory')
  assert.equal(outOfReach(known, { ...thread, state: 'stopped' }).state, 'stopped')
})
