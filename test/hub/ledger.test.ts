import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hubLedger, ruleReports } from '../../src/hub/ledger.ts'
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
