import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { splitShared, topicFilterFault, topicMatches } from '../../src/topic/filter.ts'
import { anyFilter, anyTopic, matchesPlainly } from './oracle.ts'

test('wildcards are valid as whole levels, # only at the end [MQTT-4.7.1-1, MQTT-4.7.1-2]', () => {
  for (const filter of ['#', '+', '/', '+/', '/+', 'a/+/b', 'a/#', '+/+/#', '/#', '$SYS/#', 'a//+']) {
    assert.equal(topicFilterFault(filter), null, filter)
  }
  for (const filter of ['a#', 'a/b#', '#/a', 'a/#/b', '##', 'a/##', '+#', 'a+', '+a', 'a/+b/c', '++', 'a/b+']) {
    assert.match(topicFilterFault(filter)!, /whole level|last character/, filter)
  }
})

test('a filter that is empty, holds U+0000 or half a surrogate pair, or is too long is refused', () => {
  for (const filter of ['', 'a/\0', 'a/\ud800', 'a'.repeat(65_536)]) assert.notEqual(topicFilterFault(filter), null)
})

test('the examples of the standard match as it says (§4.7.1)', () => {
  const cases: [string, string, boolean][] = [
    ['sport/tennis/player1/#', 'sport/tennis/player1', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/ranking', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
    ['sport/#', 'sport', true],
    ['#', 'any/thing', true],
    ['sport/tennis/+', 'sport/tennis/player1', true],
    ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
    ['sport/+', 'sport', false],
    ['sport/+', 'sport/', true],
    ['+/+', '/finance', true],
    ['/+', '/finance', true],
    ['+', '/finance', false],
    ['#', '$SYS/monitor', false],
    ['+/monitor/Clients', '$SYS/monitor/Clients', false],
    ['$SYS/#', '$SYS/monitor', true],
    ['$SYS/monitor/+', '$SYS/monitor/Clients', true],
    ['Accounts', 'accounts', false],
    ['a', '/a', false],
    ['a/b', 'a', false],
    ['a', 'a/b', false],
    ['ab/#', 'a', false],
  ]
  for (const [filter, topic, expected] of cases)
    assert.equal(topicMatches(filter, topic), expected, `${filter} ${topic}`)
})

test('any filter and topic match as the plain oracle says', () => {
  fc.assert(
    fc.property(anyFilter, anyTopic, (filter, topic) => {
      assert.equal(topicMatches(filter, topic), matchesPlainly(filter, topic))
    }),
    { numRuns: 5_000 },
  )
})

test('a shared subscription is taken apart, a false one is a fault [MQTT-4.8.2-1, MQTT-4.8.2-2]', () => {
  assert.deepEqual(splitShared('$share/group/a/+/#'), { group: 'group', filter: 'a/+/#' })
  assert.deepEqual(splitShared('$share/group//'), { group: 'group', filter: '/' })
  assert.equal(splitShared('$shared/group/a'), null)
  assert.equal(splitShared('a/$share/b'), null)
  for (const filter of ['$share/', '$share/group', '$share//a', '$share/a+/b', '$share/#/b']) {
    assert.ok('fault' in splitShared(filter)!, filter)
  }
})
