import assert from 'node:assert/strict'
import { test } from 'node:test'
import { beginning, end } from '../../../../connectors/kafka/consumer/cluster.ts'
import { parseStart } from '../../../../connectors/kafka/consumer/start.ts'

test('a start is one of the words, an offset, a distance or a time', () => {
  assert.deepEqual(parseStart('stored'), { kind: 'stored' })
  assert.deepEqual(parseStart('beginning'), { kind: 'moment', timeMs: beginning, count: 0 })
  assert.deepEqual(parseStart('end'), { kind: 'moment', timeMs: end, count: 0 })
  assert.deepEqual(parseStart('42'), { kind: 'offset', offset: 42 })
  assert.deepEqual(parseStart('+5'), { kind: 'moment', timeMs: beginning, count: 5 })
  assert.deepEqual(parseStart('-5'), { kind: 'moment', timeMs: end, count: -5 })
  assert.deepEqual(parseStart('2026-11-20T08:00:00Z'), { kind: 'moment', timeMs: Date.UTC(2026, 10, 20, 8), count: 0 })
  assert.equal(parseStart('2026-13-40'), null)
})
