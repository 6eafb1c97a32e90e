import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unknownYet } from '../../src/bridge/report.ts'
import { connectorReports, hubLedger, ruleReports } from '../../src/hub/ledger.ts'
import { ledgerBalances } from '../../src/telemetry/report.ts'

test('A8: what was lost with a failing journal is received and dropped by its rule, and the ledger balances', () => {
  const tally = { lake: { messages: 5, bytes: 50, byRule: { readings: 5 } } }
  const reports = ruleReports(
    [],
    [],
    tally,
    new Map([
      ['readings', 3],
      ['other', 1],
    ]),
  )
  const shown = reports.map(({ name, ledger }) => [name, ledger.received, ledger.dropped, ledger.pending])
  assert.deepEqual(shown, [
    ['other', 1, 1, 0],
    ['readings', 8, 3, 5],
  ])
  const total = hubLedger(reports, [])
  assert.deepEqual([total.received, total.dropped, total.pending], [9, 4, 5])
  assert.ok(ledgerBalances(total))
})

test('A8 A10: what came back to this hub is received and dropped, and the ledger balances', () => {
  const total = hubLedger([], [], 3)
  assert.deepEqual([total.received, total.dropped], [3, 3])
  assert.ok(ledgerBalances(total))
})

test('A7: the dead letters are a row of the status only while they cannot be kept', () => {
  const lastError = { code: 'E406', message: 'full', timeMs: 0, nextTryMs: null }
  const shown = (part: object) => {
    const connectors = [{ ...unknownYet('$dead-letters', 'dead-letters'), ...part }, unknownYet('lake', 'kafka')]
    const thread = { state: 'running', why: null, sinceMs: 0, restarts: 0 } as const
    return connectorReports({ thread, connectors }, {}).map(({ name }) => name)
  }
  assert.deepEqual(shown({}), ['lake'])
  assert.deepEqual(shown({ why: 'restarting' }), ['lake'])
  assert.deepEqual(shown({ lastError }), ['lake'])
  assert.deepEqual(shown({ why: '3 dead letters cannot be stored: full', lastError }), ['$dead-letters', 'lake'])
})

test('A8: what rules gather is received and absorbed; notes of what has passed are nobody’s messages', () => {
  const tally = {
    lake: { messages: 1, bytes: 10, byRule: { minutes: 1 } },
    $state: { messages: 8, bytes: 80, byRule: { minutes: 6, $notes: 2 } },
  }
  const state = { keys: 1, bytes: 100, evicted: 0, early: 0, late: 0, nextMs: null }
  const reports = ruleReports([], [], tally, new Map([['$notes', 4]]), new Map([['minutes', state]]))
  assert.deepEqual(
    reports.map(({ name, ledger, ...rest }) => [name, ledger.received, ledger.absorbed, ledger.pending, rest.state]),
    [['minutes', 7, 6, 1, state]],
  )
  assert.ok(ledgerBalances(hubLedger(reports, [])))
})
