import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ExchangeEvent, type ExchangeState, exchange } from '../../../connectors/mqtt/exchange.ts'

/** Everything that is neither a fault nor ignored. */
const steps: Readonly<Record<string, ExchangeState>> = {
  'idle publish1': 'sent1',
  'idle publish2': 'sent2',
  'sent1 puback': 'idle',
  'sent1 refused': 'idle',
  'sent2 pubrec': 'received',
  'sent2 refused': 'idle',
  'received hold': 'held',
  'received release': 'released',
  'held release': 'released',
  'released pubcomp': 'idle',
}

test('a packet identifier goes the ways of MQTT 5.0 §4.3 and no other (every cell of the table)', () => {
  for (const [state, row] of Object.entries(exchange) as [ExchangeState, Record<ExchangeEvent, string>][]) {
    for (const [event, next] of Object.entries(row)) {
      const wanted = steps[`${state} ${event}`]
      if (wanted === undefined) assert.ok(next === 'fault' || next === 'ignored', `${state} ${event}`)
      else assert.equal(next, wanted, `${state} ${event}`)
    }
  }
})

test('an answer to what nobody waits for is ignored; an answer of the wrong kind is a fault', () => {
  for (const event of ['puback', 'pubrec', 'pubcomp', 'refused'] as const) assert.equal(exchange.idle[event], 'ignored')
  assert.equal(exchange.sent1.pubrec, 'fault')
  assert.equal(exchange.sent2.puback, 'fault')
  assert.equal(exchange.sent2.pubcomp, 'fault')
  // The server may say PUBREC again as long as it has no PUBREL.
  for (const state of ['received', 'held', 'released'] as const) assert.equal(exchange[state].pubrec, 'ignored')
})
