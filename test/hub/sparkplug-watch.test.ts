import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { Message } from '../../src/contract/message.ts'
import { Outcome } from '../../src/engine/outcome.ts'
import { evaluate, RuleSet, type RuleText } from '../../src/engine/rule-set.ts'
import { RuleBook } from '../../src/hub/rule-book.ts'
import { watchSparkplug } from '../../src/hub/sparkplug-watch.ts'
import { emptyState, Registry } from '../../src/registry/registry.ts'
import { payloadOf, readBack } from '../registry/formats/sparkplug/definition.ts'

const environment = () => ({
  sinks: new Map([['lake', { type: 'file', targetField: null, targetOptions: null }]]),
})

/** Reads the data of devices, and nothing else. */
const rule: RuleText = {
  file: 'rules/speeds.yaml',
  text: [
    'from: spBv1.0/{group}/DDATA/{node}/{device}',
    'schema: sparkplug-b',
    'where: payload.metrics["speed"].value > 3',
    'payload:',
    '  speed: payload.metrics["speed"].value',
    '  device: payload.device',
    '  seq: payload.seq',
    'to: [{ sink: lake }]',
  ].join('\n'),
}

const messageOf = (topic: string, fields: object): Message => ({
  topic,
  payload: payloadOf(fields),
  qos: 0,
  retain: false,
  properties: null,
  client: 'line',
  username: null,
  source: null,
  timeMs: 0,
})

class Hub {
  readonly published: string[] = []
  readonly registry = new Registry(emptyState)
  listener: ((message: Message) => void) | null = null
  rules: RuleSet

  constructor() {
    watchSparkplug(this.registry.sparkplug, {
      subscribe: (filter, callback) => {
        assert.equal(filter, 'spBv1.0/#')
        assert.equal(this.listener, null, 'one subscription is enough')
        this.listener = callback
        return () => {}
      },
      accept: ({ topic }) => this.published.push(topic),
    })
    assert.equal(this.listener, null)
    const loaded = RuleSet.load([rule], { ...environment(), registry: this.registry })
    assert.deepEqual(loaded.faults, [])
    this.rules = loaded.rules!
  }

  /** What a message is owed as, or why it is refused; as the broker does, whoever listens comes after the rules. */
  take(topic: string, fields: object): string {
    const message = messageOf(topic, fields)
    const bound = this.rules.lookup(topic)
    const outcome = new Outcome()
    if (bound !== null) evaluate(bound, message, outcome)
    if (outcome.refusal !== null) return outcome.refusal.error.message
    this.listener?.(message)
    return outcome.owed.map(({ payload }) => Buffer.from(payload ?? []).toString()).join()
  }

  born(): this {
    this.take('spBv1.0/g/NBIRTH/n', { seq: 0, metrics: [{ name: 'bdSeq', datatype: 4, long_value: 1 }] })
    this.take('spBv1.0/g/DBIRTH/n/d', { seq: 1, metrics: [{ name: 'speed', alias: 5, datatype: 3, int_value: 1 }] })
    return this
  }
}

const data = (seq: number, value: number) => ({ seq, metrics: [{ alias: 5, int_value: value }] })

describe('B4: Sparkplug B in a hub', () => {
  test('is read by rules that see data alone, as births and other messages are looked at for them', () => {
    const hub = new Hub().born()
    assert.equal(hub.take('spBv1.0/g/DDATA/n/d', data(2, 7)), '{"speed":7,"device":"d","seq":2}')
    hub.take('spBv1.0/g/NDATA/n', { seq: 3 })
    assert.equal(hub.take('spBv1.0/g/DDATA/n/d', data(4, 1)), '')
    assert.equal(hub.take('spBv1.0/g/DDATA/n/d', data(5, 9)), '{"speed":9,"device":"d","seq":5}')
  })

  test('wakes a node it does not know, with a message of its own', async () => {
    const hub = new Hub()
    assert.match(hub.take('spBv1.0/g/DDATA/n/d', data(2, 7)), /alias 5 is of no birth that was seen/)
    assert.deepEqual(hub.published, [], 'not from within the message')
    await setImmediate()
    assert.deepEqual(hub.published, ['spBv1.0/g/NCMD/n'])
    assert.equal(hub.born().take('spBv1.0/g/DDATA/n/d', data(2, 7)), '{"speed":7,"device":"d","seq":2}')
  })

  test('publishes commands that rules make', () => {
    const registry = new Registry(emptyState)
    const text = [
      'from: orders/{node}',
      'payload:',
      '  metrics:',
      '    rate: { type: \'"Int32"\', value: payload.rate }',
      'to:',
      '  - publish: spBv1.0/g/NCMD/${node}',
      '    encode: sparkplug',
      '    schema: sparkplug-b',
    ].join('\n')
    const { rules, faults } = RuleSet.load([{ file: 'rules/orders.yaml', text }], { ...environment(), registry })
    assert.deepEqual(faults, [])
    const outcome = new Outcome()
    const order = { ...messageOf('orders/n', {}), payload: Buffer.from('{"rate": 7}') }
    evaluate(rules!.lookup('orders/n')!, order, outcome)
    assert.equal(outcome.refusal, null)
    const [published] = outcome.publishes
    assert.equal(published?.topic, 'spBv1.0/g/NCMD/n')
    const metrics = [{ name: 'rate', datatype: 3, int_value: 7 }]
    assert.deepEqual(readBack(published.payload ?? new Uint8Array(0)), { metrics })
  })

  test('remembers births over a reload, whether schemas are files or not', async () => {
    for (const next of [null, new Registry(emptyState)]) {
      const hub = new Hub().born()
      const read = async () => ({
        texts: [{ ...rule, text: `${rule.text}\nack: received` }],
        registry: next,
        faults: [],
      })
      const put = (rules: RuleSet) => {
        hub.rules = rules
      }
      const book = new RuleBook({ rules: hub.rules, texts: [rule], registry: hub.registry, read, environment, put })
      const before = hub.rules
      await book.reload()
      assert.notEqual(hub.rules, before)
      assert.equal(hub.take('spBv1.0/g/DDATA/n/d', data(2, 7)), '{"speed":7,"device":"d","seq":2}')
    }
  })

  test('is a subject of every registry, unless somebody has registered one of its name', () => {
    const registry = new Registry(emptyState)
    assert.equal(registry.resolve('sparkplug-b')?.format, 'sparkplug')
    assert.equal(registry.resolve('sparkplug-b@1'), registry.resolve('sparkplug-b'))
    assert.equal(registry.resolve('sparkplug-b@2'), null)
    assert.deepEqual(registry.names(), [])
    assert.equal(registry.wanted.size, 0)
    const own = new Registry({ ...emptyState, subjects: new Map([['sparkplug-b', []]]) })
    assert.equal(own.resolve('sparkplug-b'), null)
  })
})
