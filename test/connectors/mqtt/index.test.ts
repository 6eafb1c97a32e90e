import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import mqtt from '../../../connectors/mqtt/index.ts'

const given = (options: object): never => options as never

describe('what a configuration of MQTT shows of its ways', () => {
  test('one host and port is one far side, however it is written', () => {
    const sideOf = (server: string): string => mqtt.farSide!(given({ server }))
    assert.equal(sideOf('mqtt://Broker.example'), sideOf('mqtt://broker.example:1883'))
    assert.equal(sideOf('mqtt://user:secret@a'), sideOf('mqtt://a'))
    assert.notEqual(sideOf('mqtt://a'), sideOf('mqtt://b'))
    assert.notEqual(sideOf('mqtt://a'), sideOf('mqtts://a'))
    assert.equal(sideOf('mqtt://a:99999'), 'mqtt://a:99999')
  })

  test('a source reads its filters; where levels are taken off the topic nothing is said', () => {
    const reads = (source: object): readonly string[] => mqtt.reads!(given({}), given(source))
    assert.deepEqual(reads({ filters: ['a/+/b', 'c'] }), ['a/*/b', 'c'])
    assert.deepEqual(reads({ filters: ['a/#', '#'] }), ['a/*', 'a', '*'])
    assert.deepEqual(reads({ filters: ['$share/group/a/b'] }), ['a/b'])
    assert.deepEqual(reads({ filters: ['a/#'], skip_levels: 1 }), [])
    assert.deepEqual(reads({ filters: ['a'], skip_levels: 1, publish: 'in/x' }), ['a'])
  })

  test('a sink writes to the topic that the rule names, else behind its prefix', () => {
    assert.equal(mqtt.writes!(given({ prefix: 'sites/' }), 'plants/*'), 'plants/*')
    assert.equal(mqtt.writes!(given({ prefix: 'sites/' }), null), 'sites/*')
    assert.equal(mqtt.writes!(given({}), null), null)
  })
})
