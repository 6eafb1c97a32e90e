import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DeliveryEvent, type DeliveryState, deliveryTable } from '../../src/outbox/state.ts'

const walk: Record<DeliveryState, Partial<Record<DeliveryEvent, string>>> = {
  waiting: { claim: 'sent/send', 'retry-due': 'waiting/offer', lost: 'waiting/stay', discard: 'settled/settle' },
  sent: {
    delivered: 'settled/settle',
    'failed-later': 'waiting-again/back-off',
    'failed-reconnect': 'waiting-again/hold',
    refused: 'parked/store',
    lost: 'waiting-again/hold',
  },
  'waiting-again': { 'retry-due': 'waiting/offer', lost: 'waiting-again/stay', discard: 'settled/settle' },
  parked: { stored: 'settled/settle', 'retry-due': 'parked/store', lost: 'parked/stay', discard: 'settled/settle' },
  settled: {},
}

const events = Object.keys(deliveryTable.waiting) as DeliveryEvent[]

for (const state of Object.keys(deliveryTable) as DeliveryState[])
  for (const event of events)
    test(`a ${state} delivery, on ${event}, is ${walk[state][event] ?? 'impossible'}`, () => {
      const cell = deliveryTable[state][event]
      assert.equal(cell === null ? undefined : `${cell.next}/${cell.effect}`, walk[state][event])
    })

test('nothing leaves the settled state, and nothing is settled from being sent but by the far side', () => {
  assert.ok(events.every((event) => deliveryTable.settled[event] === null))
  assert.deepEqual(
    events.filter((event) => deliveryTable.sent[event]?.next === 'settled'),
    ['delivered'],
  )
})
