import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readsOf } from '../../../connectors/pulsar/places.ts'
import { RecordMaker } from '../../../connectors/pulsar/record.ts'
import { pulsarSourceOptions } from '../../../connectors/pulsar/source-options.ts'

const topic = 'persistent://acme/plants/telemetry-partition-3'
const message = (payload: string) => ({
  key: 'k',
  properties: [['a', 'b']] as [string, string][],
  payload: Buffer.from(payload),
  eventTimeMs: null,
  publishTimeMs: 7,
})
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

describe('The record of a message of Pulsar', () => {
  test('has the topic without its partition, short or in full, and the time of publishing where there is no other', () => {
    const { record } = new RecordMaker({ topic_names: 'short' }).makeFrom(message('x'), topic)
    assert.deepEqual([record.address, record.key, record.timeMs, record.headers], ['telemetry', 'k', 7, [['a', 'b']]])
    const full = new RecordMaker({ topic_names: 'full' }).makeFrom({ ...message('x'), eventTimeMs: 5 }, topic).record
    assert.deepEqual([full.address, full.timeMs], ['persistent://acme/plants/telemetry', 5])
  })

  test('has a field of the payload as its payload, and says when there is none', () => {
    const maker = new RecordMaker({ topic_names: 'short', payload_path: 'a.b' })
    const made = (payload: string) => maker.makeFrom(message(payload), topic)
    assert.equal(textOf(made('{"a":{"b":"text"}}').record.payload), 'text')
    assert.equal(textOf(made('{"a":{"b":{"c":[1]}}}').record.payload), '{"c":[1]}')
    for (const payload of ['{"a":{}}', 'no json', '{"a":null}', '{"a":{"toString":1}}']) {
      const { record, fault } = made(payload)
      assert.equal(fault?.code, 'E402')
      assert.equal(textOf(record.payload), payload)
    }
  })
})

describe('The options of a source of Pulsar', () => {
  const given = { subscription: 's', publish: 'x' }

  test('need topics or a pattern that can be read, and what fits together', () => {
    assert.throws(() => pulsarSourceOptions(given), { code: 'E105' })
    assert.throws(() => pulsarSourceOptions({ ...given, topic_regex: '(' }), { code: 'E104' })
    const compacted = { ...given, topics: ['a'], read_compacted: true, subscription_type: 'shared' }
    assert.throws(() => pulsarSourceOptions(compacted), { code: 'E109' })
  })

  test('tell what is read', () => {
    const options = pulsarSourceOptions({ ...given, topics: ['a', 'x/y/b'], topic_regex: 'c.*' })
    assert.deepEqual(readsOf(options), [
      'persistent://public/default/a',
      'persistent://x/y/b',
      'persistent://public/default/*',
    ])
  })
})
