import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  checkKey,
  checkSubject,
  keyOf,
  replySubjectOf,
  subjectOf,
  topicOf,
  topicOfKey,
} from '../../../connectors/nats/subject-mapping.ts'

const level = fc.string({
  unit: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...'ab%./$_*> =05FE2AD\t\n\x7f\x01é€😀') },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }) },
  ),
  maxLength: 8,
})
const topic = fc
  .array(level, { minLength: 1, maxLength: 6 })
  .map((levels) => levels.join('/').replace(/[+#\0]/g, 'x'))
  .filter((text) => text !== '' && text.isWellFormed())

test('every legal topic comes back from its subject, and its subject can be published to', () => {
  fc.assert(
    fc.property(topic, (text) => {
      const subject = subjectOf(text)
      assert.equal(topicOf(subject), text)
      assert.equal(checkSubject(subject), null, subject)
      assert.doesNotMatch(subject, /^[$_]/)
    }),
    { numRuns: 3000, seed: 4 },
  )
})

test('every legal topic comes back from its key, and its key is one', () => {
  fc.assert(
    fc.property(topic, (text) => {
      const key = keyOf(text)
      assert.equal(topicOfKey(key), text)
      assert.equal(checkKey(key), null, key)
    }),
    { numRuns: 3000, seed: 4 },
  )
})

test('two topics never share a subject', () => {
  fc.assert(
    fc.property(topic, topic, (one, other) => {
      assert.equal(subjectOf(one) === subjectOf(other), one === other)
    }),
    { numRuns: 3000, seed: 4 },
  )
})

test('subjects read as one would write them', () => {
  const examples: [topic: string, subject: string][] = [
    ['plants/oslo/1', 'plants.oslo.1'],
    ['/a//b/', '/.a./.b./'],
    ['/', '/./'],
    ['v1.2/state', 'v1//2.state'],
    ['room 1/*', 'room%201.%2A'],
    ['50%', '50%'],
    ['%20', '%2520'],
    ['$SYS/x', '%24SYS.x'],
    ['$JS/API/STREAM/DELETE/orders', '%24JS.API.STREAM.DELETE.orders'],
    ['_INBOX/x', '%5FINBOX.x'],
    ['sala/térmica', 'sala.térmica'],
  ]
  for (const [one, subject] of examples) {
    assert.equal(subjectOf(one), subject)
    assert.equal(topicOf(subject), one)
  }
  assert.equal(replySubjectOf(topicOf('_INBOX.abc.1')), '_INBOX.abc.1')
  assert.equal(replySubjectOf('$JS/API/STREAM/DELETE/x'), '%24JS.API.STREAM.DELETE.x')
  assert.equal(keyOf('rooms/1.5/°C'), 'rooms.1//5.=C2=B0C')
})

test('a subject that nobody could publish to, or only the server may, is refused with advice', () => {
  for (const subject of ['', 'a..b', '.a', 'a.', 'a.*', '>', 'a b', 'a\r\nPUB x', '$JS.API.INFO', 'a'.repeat(4000)]) {
    const error = checkSubject(subject)
    assert.equal(error?.code, 'E606', subject)
    assert.match(error?.detail.advice ?? '', /tokens/)
  }
  for (const subject of ['a', 'a.b', 'a/b', 'a*b.c>', 'ä.b']) assert.equal(checkSubject(subject), null)
  for (const key of ['', '.a', 'a.', 'a..b', 'a b', 'é', '_kv.x']) assert.equal(checkKey(key)?.code, 'E606', key)
})
