import assert from 'node:assert/strict'
import { it } from 'node:test'
import { drawLedger } from '../../src/cli/ledger-line.ts'
import { paintFor } from '../../src/cli/paint.ts'
import { drawConnector, drawRules, drawStatus } from '../../src/cli/status-table.ts'
import { emptyLedger } from '../../src/telemetry/report.ts'
import { nowMs, sampleReport } from '../api/fake-hub.ts'

const plain = paintFor(false)

it('D1: the status looks letter for letter as the design says', () => {
  const report = sampleReport()
  report.broker.dropped = {}
  assert.equal(
    drawStatus(report, plain).join('\n'),
    `trestle 0.1.0 on oslo-1   up 3 d 4 h   journal 1.2 GB, oldest 4 min   ledger balances (unaccounted 0)

CONNECTOR  TYPE         STATE      FOR     IN/s   OUT/s  WAITING              OLDEST  RETRIES  DEAD  LAST ERROR
lake       kafka        connected  3 d     –      9,812  0                    –       12       3     –
archive    reductstore  retrying   4 min   –      0      2,310,044 (1.1 GB)   4 min   57       0     connection refused by archive.example:8383, next try in 12 s
orders     kafka        connected  3 d     41     –      –                    –       0        0     –

ledger  received 10,000 = delivered 9,000 + filtered 0 + refused 0 + dead-lettered 1,000 + dropped 0 + expired 0 + pending 0   unaccounted 0`,
  )
})

it('A7: what the broker dropped is told under the ledger, by reason, the most frequent first', () => {
  const report = sampleReport()
  report.broker.dropped = { journal: 2, 'queue-full': 1010, expired: 0 }
  assert.equal(drawStatus(report, plain).at(-1), 'dropped  1,012 (queue-full 1,010, journal 2)')
  report.broker.dropped = { expired: 0 }
  assert.match(drawStatus(report, plain).at(-1)!, /^ledger/)
})

it('a ledger that does not balance is marked, whichever way it fails', () => {
  const lost = { ...emptyLedger(), received: 10, delivered: 9, unaccounted: 1 }
  assert.equal(
    drawLedger(lost, plain),
    'ledger  received 10 ≠ delivered 9 + filtered 0 + refused 0 + dead-lettered 0 + dropped 0 + expired 0 + pending 0   unaccounted 1   ← does not balance',
  )
  assert.match(drawLedger({ ...lost, unaccounted: 0 }, plain), /≠.*← does not balance$/)
  const report = { ...sampleReport(), ledger: lost }
  assert.match(drawStatus(report, plain)[0]!, /ledger does not balance \(unaccounted 1\)$/)
})

it('a connected one shows what went wrong since it is connected, and nothing older', () => {
  const report = sampleReport()
  const lake = report.connectors[0]!
  lake.lastError = { code: 'E605', message: 'record too large', timeMs: nowMs - 240_000, nextTryMs: null }
  assert.match(drawStatus(report, plain)[3]!, /record too large, 4 min ago$/)
  lake.sinceMs = nowMs - 1000
  assert.match(drawStatus(report, plain)[3]!, /–$/)
})

it('the next try is told until it is due', () => {
  const report = sampleReport()
  const archive = report.connectors[1]!
  archive.lastError!.nextTryMs = nowMs + 100
  assert.match(drawStatus(report, plain)[4]!, /next try in 1 s$/)
  archive.lastError!.nextTryMs = nowMs - 1
  assert.match(drawStatus(report, plain)[4]!, /trying now$/)
  archive.lastError!.nextTryMs = null
  assert.match(drawStatus(report, plain)[4]!, /:8383$/)
})

it('a journal that cannot be written is the headline', () => {
  const report = sampleReport()
  report.journal = { ...report.journal, state: 'failing', error: 'no space left on device' }
  assert.match(drawStatus(report, plain)[0]!, /journal failing: no space left on device/)
})

it("a far side's words cannot steer the terminal", () => {
  const report = sampleReport()
  report.connectors[1]!.lastError!.message = 'bye\x1b[2J\nfake row'
  assert.ok(!drawStatus(report, plain).join('').includes('\x1b'))
  assert.match(drawStatus(report, plain)[4]!, /bye\\x1b\[2J\\nfake row/)
})

it('colours change nothing but colours', () => {
  const coloured = drawStatus(sampleReport(), paintFor(true)).join('\n')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what is taken out
  assert.equal(coloured.replace(/\x1b\[\d+m/g, ''), drawStatus(sampleReport(), plain).join('\n'))
  assert.ok(coloured.includes('\x1b[31mretrying\x1b[39m  '))
})

it('one connector is shown with all that is known of it', () => {
  assert.equal(
    drawConnector(sampleReport().connectors[1]!, nowMs, plain).join('\n'),
    `archive   reductstore
  state         retrying for 4 min
  why           far side is not reachable
  in            –
  out           0/s
  waiting       2,310,044 (1.1 GB)
  oldest        4 min
  retries       57
  dead letters  0
  last error    E601  connection refused by archive.example:8383, 3 s ago, next try in 12 s

ledger  received 10,000 = delivered 9,000 + filtered 0 + refused 0 + dead-lettered 1,000 + dropped 0 + expired 0 + pending 0   unaccounted 0`,
  )
})

it('the rules are shown with every column of their ledger', () => {
  assert.deepEqual(drawRules(sampleReport(), plain).slice(2), [
    'RULE            RECEIVED  DELIVERED  FILTERED  REFUSED  DEAD-LETTERED  DROPPED  EXPIRED  PENDING  UNACCOUNTED',
    'line-telemetry    10,000      9,000         0        0          1,000        0        0        0            0',
  ])
  assert.deepEqual(drawRules({ ...sampleReport(), rules: [] }, plain), ['No rules are loaded.'])
})

it('what rules keep is a table below their ledgers, and what they have gathered a column of it', () => {
  const state = { keys: 12_000, bytes: 2_300_000, evicted: 3, early: 0, late: 1, nextMs: nowMs + 42_000 }
  const ledger = { ...emptyLedger(), received: 12, absorbed: 10, delivered: 2 }
  const rules = [
    { name: 'per-minute', ledger, state },
    { name: 'plain', ledger: emptyLedger(), state: null },
  ]
  assert.deepEqual(drawRules({ ...sampleReport(), rules }, plain).slice(2), [
    'RULE        RECEIVED  DELIVERED  FILTERED  REFUSED  ABSORBED  DEAD-LETTERED  DROPPED  EXPIRED  PENDING  UNACCOUNTED',
    'per-minute        12          2         0        0        10              0        0        0        0            0',
    'plain              0          0         0        0         0              0        0        0        0            0',
    '',
    'KEEPS         KEYS    SIZE  NEXT WINDOW  FORGOTTEN  CLOSED EARLY  LATE',
    'per-minute  12,000  2.3 MB      in 42 s          3             0     1',
  ])
  assert.match(drawLedger(ledger, plain), /refused 0 \+ absorbed 10 \+ dead-lettered 0/)
})
