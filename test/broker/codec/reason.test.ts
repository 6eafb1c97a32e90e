import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isReasonOf, Reason, type ReasonPacket, reasonName, reasonsOf } from '../../../src/broker/codec/reason.ts'

/** Table 2-6 of MQTT 5.0, as it stands there, but for the sections that add to it: 0x99 in CONNACK (§3.2.2.2). */
const table: Record<number, string> = {
  0: 'connack puback pubrec pubrel pubcomp suback unsuback auth disconnect',
  1: 'suback',
  2: 'suback',
  4: 'disconnect',
  16: 'puback pubrec',
  17: 'unsuback',
  24: 'auth',
  25: 'auth',
  128: 'connack puback pubrec suback unsuback disconnect',
  129: 'connack disconnect',
  130: 'connack disconnect',
  131: 'connack puback pubrec suback unsuback disconnect',
  132: 'connack',
  133: 'connack',
  134: 'connack',
  135: 'connack puback pubrec suback unsuback disconnect',
  136: 'connack',
  137: 'connack disconnect',
  138: 'connack',
  139: 'disconnect',
  140: 'connack disconnect',
  141: 'disconnect',
  142: 'disconnect',
  143: 'suback unsuback disconnect',
  144: 'connack puback pubrec disconnect',
  145: 'puback pubrec suback unsuback',
  146: 'pubrel pubcomp',
  147: 'disconnect',
  148: 'disconnect',
  149: 'connack disconnect',
  150: 'disconnect',
  151: 'connack puback pubrec suback disconnect',
  152: 'disconnect',
  153: 'connack puback pubrec disconnect',
  154: 'connack disconnect',
  155: 'connack disconnect',
  156: 'connack disconnect',
  157: 'connack disconnect',
  158: 'suback disconnect',
  159: 'connack disconnect',
  160: 'disconnect',
  161: 'suback disconnect',
  162: 'suback disconnect',
}

test('every packet may carry exactly the reason codes of table 2-6 (§2.4)', () => {
  for (const packet of Object.keys(reasonsOf) as ReasonPacket[]) {
    for (let code = 0; code < 256; code++) {
      const expected = table[code]?.split(' ').includes(packet) ?? false
      assert.equal(isReasonOf(packet, code), expected, `${packet} 0x${code.toString(16)}`)
    }
  }
})

test('every code of the table has a name and every name a code of the table', () => {
  assert.deepEqual([...new Set(Object.values(Reason))].sort(), Object.keys(table).map(Number).sort())
  assert.equal(reasonName(0x87), 'not authorized')
  assert.equal(reasonName(0x00), 'success')
  assert.equal(reasonName(0x01), 'granted qos1')
  assert.equal(reasonName(0x7f), 'reason 0x7f')
})
