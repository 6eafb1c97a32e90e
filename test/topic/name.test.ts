import assert from 'node:assert/strict'
import { test } from 'node:test'
import { topicNameFault } from '../../src/topic/name.ts'

test('ordinary names, names with empty levels and names with spaces are valid', () => {
  for (const topic of ['a', '/', 'a/b', '/a', 'a//b', 'a b', '$SYS/x', 'ø/日本/😀']) {
    assert.equal(topicNameFault(topic), null, topic)
  }
})

test('an empty name is refused [MQTT-4.7.3-1]', () => {
  assert.match(topicNameFault('')!, /empty/)
})

test('a name with U+0000 is refused [MQTT-4.7.3-2]', () => {
  assert.match(topicNameFault('a\0b')!, /U\+0000/)
})

test('a name with a wildcard is refused [MQTT-3.3.2-2]', () => {
  for (const topic of ['+', 'a/+', 'a+', '#', 'a/#', 'a#b']) assert.match(topicNameFault(topic)!, /wildcard/)
})

test('a name with half a surrogate pair is refused', () => {
  assert.match(topicNameFault('a\ud800')!, /surrogate/)
  assert.match(topicNameFault('\udc00a')!, /surrogate/)
})

test('65,535 bytes are the limit, counted in UTF-8 [MQTT-4.7.3-3]', () => {
  assert.equal(topicNameFault('a'.repeat(65_535)), null)
  assert.match(topicNameFault('a'.repeat(65_536))!, /65535/)
  assert.equal(topicNameFault('日'.repeat(21_845)), null)
  assert.match(topicNameFault('日'.repeat(21_846))!, /65535/)
})
