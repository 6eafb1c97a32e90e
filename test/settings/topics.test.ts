import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printFault } from '../../src/document/fault.ts'
import { brokerOptions } from '../../src/hub/broker-options.ts'
import { loadSettings } from '../../src/settings/settings.ts'

const load = (text: string) =>
  loadSettings({ text: `listeners: []\n${text}`, file: 'trestle.yaml', connectorSchemas: new Map(), cwd: '/here' })

async function faultsOf(text: string): Promise<string[]> {
  return (await load(text)).faults.map(printFault)
}

test('without a word of them, subscriptions are shared in turn, topics stay as they are, and delays are kept', async () => {
  const { settings } = await load('')
  const { subscriptions, autoSubscriptions, rewrite, delayed, peerToPeer } = brokerOptions(settings!, '1.2.3')
  assert.deepEqual(subscriptions, { shared: 'round_robin', groups: new Map(), exclusive: true, limited: true })
  assert.deepEqual([autoSubscriptions, rewrite, peerToPeer], [[], [], 'off'])
  assert.deepEqual(delayed, { maxMessages: 100_000, maxBytes: 64 * 1024 * 1024, whenFull: 'refuse' })
})

test('what is said of them reaches the broker', async () => {
  const { settings, faults } = await load(`
subscriptions:
  shared: off
  groups: { workers: sticky }
  auto: [{ filter: "to/%c", qos: 1, retain_handling: 2 }]
  peer_to_peer: both
rewrite:
  - { from: "old/#", regex: "^old/(\\\\w+)(x)?", to: "new/$1" }
delayed: { enabled: false }
system_topics: { enabled: true, interval_ms: 2 s }
`)
  assert.deepEqual(faults, [])
  const { subscriptions, autoSubscriptions, rewrite, delayed, peerToPeer } = brokerOptions(settings!, '1.2.3')
  assert.deepEqual(
    [subscriptions.shared, subscriptions.groups?.get('workers'), delayed, peerToPeer],
    [null, 'sticky', null, 'both'],
  )
  assert.deepEqual(autoSubscriptions, [
    { filter: 'to/%c', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 2 },
  ])
  const [{ action, find }] = rewrite as [(typeof rewrite)[number]]
  assert.equal(action, 'all')
  assert.deepEqual(find?.('old/press'), ['press', null])
  assert.equal(find?.('other'), null)
})

test('rules of rewriting that cannot work are told with their place', async () => {
  const rules = `rewrite:
  - { from: a/#, regex: "(", to: b }
  - { from: a/+, to: b/$2 }
  - { from: a/+, regex: "^a/(.)", to: b/$2 }
`
  assert.deepEqual(await faultsOf(rules), [
    'trestle.yaml:3:25  E104  rewrite[0].regex: error parsing regexp: missing closing ): `(`',
    'trestle.yaml:4:22  E109  rewrite[1].to: there is no $2; wildcards in a/+: 1',
    'trestle.yaml:5:39  E109  rewrite[2].to: there is no $2; groups in the regex: 1',
  ])
  assert.match((await faultsOf('rewrite: [{ from: a/#/b, to: b }]'))[0]!, /rewrite\[0\].from: expected a topic filter/)
})
