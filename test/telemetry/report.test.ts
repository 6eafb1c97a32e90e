import assert from 'node:assert/strict'
import { it } from 'node:test'
import { addLedger, emptyLedger, hubIsFine, ledgerBalances } from '../../src/telemetry/report.ts'
import { fineReport, sampleReport } from '../api/fake-hub.ts'

it('a ledger balances when every message received is in exactly one column', () => {
  const ledger = { ...emptyLedger(), received: 28, delivered: 1, filtered: 2, refused: 3, deadLettered: 4 }
  Object.assign(ledger, { dropped: 5, expired: 6, pending: 7 })
  assert.ok(ledgerBalances(ledger))
  assert.ok(ledgerBalances(emptyLedger()))
  for (const column of Object.keys(ledger) as (keyof typeof ledger)[]) {
    assert.ok(!ledgerBalances({ ...ledger, [column]: ledger[column] + 1 }), column)
  }
})

it('ledgers add up column by column', () => {
  const part = { ...emptyLedger(), received: 2, delivered: 2 }
  assert.deepEqual(addLedger(addLedger(emptyLedger(), part), part), { ...emptyLedger(), received: 4, delivered: 4 })
})

it('a hub is fine when its connectors are up or on hold, its journal is written and its ledger balances', () => {
  assert.ok(hubIsFine(fineReport()))
  assert.ok(!hubIsFine(sampleReport()), 'one is retrying')
  const paused = fineReport()
  paused.connectors[0]!.state = 'paused'
  assert.ok(hubIsFine(paused))
  const full = fineReport()
  full.journal.state = 'full'
  assert.ok(!hubIsFine(full))
  const lost = fineReport()
  lost.ledger.unaccounted = 1
  assert.ok(!hubIsFine(lost))
})
