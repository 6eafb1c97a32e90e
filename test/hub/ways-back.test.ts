import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Connector } from '../../src/contract/connector.ts'
import { printFault } from '../../src/document/fault.ts'
import { RuleSet } from '../../src/engine/rule-set.ts'
import { waysBack } from '../../src/hub/ways-back.ts'
import { registryOf } from '../engine/rules.ts'

/** Queues: a sink lands where its rule says, below the connector's prefix; sources read a list of addresses. */
const queues: Connector = {
  type: 'queues',
  summary: 'queues',
  options: { type: 'object' },
  farSide: ({ server }: { server: string }) => server,
  reads: (_: unknown, { from }: { from: string[] }) => from,
  writes: ({ prefix = '', queue = null }: { prefix?: string; queue?: string | null }, target) =>
    target === null ? queue : `${prefix}${target}`,
}

type Entries = Record<string, { options: Record<string, unknown>; sources?: Record<string, unknown>[] }>

/** What is wrong with these rules over these connectors. */
function faultsOf(entries: Entries, rules: Record<string, string>, connector = queues): string[] {
  const retry = { maxAttempts: null, maxAgeMs: null }
  const settings = Object.fromEntries(
    Object.entries(entries).map(([name, { options, sources = [] }]) => [
      name,
      { type: 'queues', options, sources, retry },
    ]),
  )
  const connectors = new Map(Object.keys(entries).map((name) => [name, connector]))
  const sinks = new Map(
    Object.keys(entries).map((name) => [name, { type: 'queues', targetField: 'queue', targetOptions: null }]),
  )
  const files = Object.entries(rules).map(([name, text]) => ({ file: `rules/${name}.yaml`, text }))
  const { faults } = RuleSet.load(files, {
    sinks,
    registry: registryOf(),
    waysBack: waysBack(settings as never, connectors),
  })
  return faults.map(printFault)
}

const one = (source: Record<string, unknown>, options = {}): Entries => ({
  far: { options: { server: 'a', ...options }, sources: [source] },
})
const rule = (from: string, target: string) => ({ r: `from: ${from}\nto: [{ sink: far${target} }]\n` })

describe('A10: a configuration in which messages would circle', () => {
  const circles: [what: string, entries: Entries, rules: Record<string, string>, way: string | null][] = [
    [
      'a rule writes what a source reads back into its topics',
      one({ from: ['orders'], publish: 'orders/${key}' }),
      rule('orders/#', ', queue: orders'),
      'r → far (orders) → source of far → r',
    ],
    [
      'a source publishes elsewhere',
      one({ from: ['orders'], publish: 'commands/${key}' }),
      rule('orders/#', ', queue: orders'),
      null,
    ],
    [
      'a source reads elsewhere',
      one({ from: ['other'], publish: 'orders/x' }),
      rule('orders/#', ', queue: orders'),
      null,
    ],
    [
      'the address is the default of the connector',
      one({ from: ['all'], publish: '${mqtt.topic}' }, { queue: 'all' }),
      rule('in/#', ''),
      'r → far (all) → source of far → r',
    ],
    [
      'the topic is the address, which is made of the topic',
      one({ from: ['in/*'], publish: '${topic}' }),
      rule('in/{x}', ', queue: "in/${x}"'),
      'r → far (in/*) → source of far → r',
    ],
    [
      'the connector puts a prefix before it',
      one({ from: ['site/in'], publish: 'in' }, { prefix: 'site/' }),
      rule('in', ', queue: in'),
      'r → far (site/in) → source of far → r',
    ],
    [
      'only messages decide where it lands',
      one({ from: ['in'], publish: 'in' }),
      rule('in', ', queue: "${payload.queue}"'),
      null,
    ],
    ['only records decide the topic', one({ from: ['in'], publish: '${key}' }), rule('in', ', queue: in'), null],
    [
      'another connector leads to the same far side',
      {
        far: { options: { server: 'a' } },
        near: {
          options: { server: 'a' },
          sources: [
            { from: ['b'], publish: 'b' },
            { from: ['in'], publish: 'in' },
          ],
        },
      },
      rule('in', ', queue: in'),
      'r → far (in) → source 2 of near → r',
    ],
    [
      'another connector leads to another far side',
      {
        far: { options: { server: 'a' } },
        near: { options: { server: 'b' }, sources: [{ from: ['in'], publish: 'in' }] },
      },
      rule('in', ', queue: in'),
      null,
    ],
    [
      'it passes two rules and two systems',
      {
        far: { options: { server: 'a' }, sources: [{ from: ['x'], publish: 'second' }] },
        near: { options: { server: 'b' }, sources: [{ from: ['y'], publish: 'first' }] },
      },
      {
        a: 'from: first\nto: [{ sink: far, queue: x }]\n',
        b: 'from: second\nto: [{ publish: third }]\n',
        c: 'from: third\nto: [{ sink: near, queue: y }]\n',
      },
      'a → far (x) → source of far → b → c → near (y) → source of near → a',
    ],
  ]
  for (const [what, entries, rules, way] of circles) {
    test(`${way === null ? 'is none, where' : 'is refused with its way:'} ${what}`, () => {
      const faults = faultsOf(entries, rules)
      if (way === null) assert.deepEqual(faults, [])
      else
        assert.match(faults[0] ?? '', new RegExp(`E207 .* may come back to it: ${way.replaceAll(/[()*/]/g, '\\$&')}$`))
      assert.ok(faults.length <= 1)
    })
  }

  test('names the line of the target', () => {
    const [fault] = faultsOf(one({ from: ['in'], publish: 'in' }), rule('in', ', queue: in'))
    assert.match(fault!, /^rules\/r\.yaml:2:6 /)
  })

  test('is not looked for in connectors that do not say what they read', () => {
    const { reads: _, ...silent } = queues
    assert.deepEqual(faultsOf(one({ from: ['in'], publish: 'in' }), rule('in', ', queue: in'), silent as Connector), [])
  })
})
