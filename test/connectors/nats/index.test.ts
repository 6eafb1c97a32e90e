import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import nats from '../../../connectors/nats/index.ts'

const given = (options: object): never => options as never

describe('what a configuration of NATS shows of its ways', () => {
  test('servers in another order or other letters are the same far side', () => {
    const one = nats.farSide!(given({ servers: ['B:4222', 'a:4222'] }))
    assert.equal(one, nats.farSide!(given({ servers: ['a:4222', 'b:4222'] })))
    assert.notEqual(one, nats.farSide!(given({ servers: ['a:4222'] })))
  })

  test('a source reads its subjects; of a whole stream nothing is said', () => {
    const reads = (source: object): readonly string[] => nats.reads!(given({}), given(source))
    assert.deepEqual(reads({ mode: 'core', subjects: ['plants.>', 'lines.*.state'] }), ['plants.*', 'lines.*.state'])
    assert.deepEqual(reads({ stream: 'S' }), [])
    assert.deepEqual(reads({ mode: 'kv', bucket: 'b', subjects: ['a'] }), [])
  })

  test('a sink writes to the subject that is named, by the rule before the connector', () => {
    assert.equal(nats.writes!(given({ subject: 'all' }), 'plants.*'), 'plants.*')
    assert.equal(nats.writes!(given({ subject: 'all' }), null), 'all')
    assert.equal(nats.writes!(given({}), null), null)
    assert.equal(nats.writes!(given({ mode: 'kv' }), 'key'), null)
  })
})
