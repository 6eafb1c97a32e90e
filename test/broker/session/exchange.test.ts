import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  Receiving,
  ReceivingAct,
  ReceivingEvent,
  receivingTable,
  Sending,
  SendingAct,
  SendingEvent,
  sendingTable,
} from '../../../src/broker/session/exchange.ts'

/** Written a second time by hand, by name, from the standard: state, event → next, act. */
const sending = `
free          puback         free          nothing
free          pubrec         free          sendPubrelUnknown
free          pubrecRefused  free          nothing
free          pubcomp        free          nothing
free          resume         free          nothing
awaitPuback   puback         free          release
awaitPuback   pubrec         awaitPuback   fault
awaitPuback   pubrecRefused  awaitPuback   fault
awaitPuback   pubcomp        awaitPuback   fault
awaitPuback   resume         awaitPuback   resendPublish
awaitPubrec   puback         awaitPubrec   fault
awaitPubrec   pubrec         awaitPubcomp  sendPubrel
awaitPubrec   pubrecRefused  free          release
awaitPubrec   pubcomp        awaitPubrec   fault
awaitPubrec   resume         awaitPubrec   resendPublish
awaitPubcomp  puback         awaitPubcomp  fault
awaitPubcomp  pubrec         awaitPubcomp  sendPubrel
awaitPubcomp  pubrecRefused  awaitPubcomp  sendPubrel
awaitPubcomp  pubcomp        free          release
awaitPubcomp  resume         awaitPubcomp  sendPubrel`

const receiving = `
unknown   publish  deciding  take
unknown   taken    unknown   nothing
unknown   refused  unknown   nothing
unknown   pubrel   unknown   sendPubcompUnknown
deciding  publish  deciding  joinFirst
deciding  taken    received  sendPubrec
deciding  refused  unknown   sendError
deciding  pubrel   deciding  fault
received  publish  received  sendPubrec
received  taken    received  sendPubrec
received  refused  received  nothing
received  pubrel   unknown   sendPubcomp`

const rows = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/) as [string, string, string, string])

test('C1: each cell of the sending table is what the standard asks', () => {
  const expected = rows(sending)
  for (const [state, event, next, act] of expected) {
    const cell = sendingTable[Sending[state as 'free']][SendingEvent[event as 'puback']]
    const wanted = { next: Sending[next as 'free'], act: SendingAct[act as 'nothing'] }
    assert.deepEqual(cell, wanted, `${state} × ${event}`)
  }
  assert.equal(expected.length, Object.keys(Sending).length * Object.keys(SendingEvent).length)
})

test('C1: each cell of the receiving table is what the standard asks', () => {
  const expected = rows(receiving)
  for (const [state, event, next, act] of expected) {
    const cell = receivingTable[Receiving[state as 'unknown']][ReceivingEvent[event as 'publish']]
    const wanted = { next: Receiving[next as 'unknown'], act: ReceivingAct[act as 'nothing'] }
    assert.deepEqual(cell, wanted, `${state} × ${event}`)
  }
  assert.equal(expected.length, Object.keys(Receiving).length * Object.keys(ReceivingEvent).length)
})
