import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Message, MessageProperties } from '../../src/contract/message.ts'
import { messageFault } from '../../src/hub/message-fault.ts'

const message = (properties: MessageProperties | null, topic = 'a/b'): Message => ({
  topic,
  payload: Buffer.from('x'),
  qos: 1,
  retain: false,
  properties,
  client: 'api',
  username: null,
  source: null,
  timeMs: 0,
})

describe('a message from an inner door', () => {
  test('that MQTT can carry is let through', () => {
    assert.equal(messageFault(message(null)), null)
    const full = {
      contentType: '',
      responseTopic: 'r/1',
      correlationData: Buffer.alloc(65_535),
      user: [['', 'ü'] as const],
    }
    assert.equal(messageFault(message({ payloadFormat: 1, expirySeconds: 5, ...full })), null)
  })

  test('with a topic nobody may publish to is E405', () => {
    for (const topic of ['', 'a/#', 'a\0', 'é'.repeat(40_000)]) {
      assert.equal(messageFault(message(null, topic))?.code, 'E405', topic.slice(0, 9))
    }
  })

  const cases: [string, MessageProperties][] = [
    ['a content type that is too long', { contentType: 'c'.repeat(65_536) }],
    ['half of a surrogate pair', { contentType: 'a\ud800' }],
    ['a response topic with a wildcard', { responseTopic: 'a/#' }],
    ['an empty response topic', { responseTopic: '' }],
    ['correlation data that is too long', { correlationData: Buffer.alloc(65_536) }],
    ['U+0000 in a name', { user: [['a\0', 'b']] }],
    ['a value that is too long', { user: [['a', 'é'.repeat(32_768)]] }],
  ]
  for (const [what, properties] of cases) {
    test(`with ${what} is E703`, () => assert.equal(messageFault(message(properties))?.code, 'E703'))
  }
})
