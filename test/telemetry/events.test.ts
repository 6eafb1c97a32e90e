import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Events, eventRows } from '../../src/telemetry/events.ts'
import { Log } from '../../src/telemetry/log.ts'

const silent = () =>
  new Events(
    new Log({ level: 'silent', human: true, stream: { write: () => 0 }, redact: (text) => text, now: () => 0 }),
  )

it('every event has words, a level and, where it has one, a counter of the house', () => {
  for (const [name, row] of Object.entries(eventRows)) {
    assert.match(name, /^[a-z-]+\.[a-z-]+$/)
    assert.ok(row.message.length > 0, name)
    if (row.counter !== null) assert.match(row.counter, /^trestle_[a-z_]+_total$/, name)
    else assert.equal(row.label, null, `${name} has a label but nothing to label`)
  }
})

it('no two events share a counter, and none is labelled with what clients choose', () => {
  const counters = Object.values(eventRows).flatMap(({ counter }) => (counter === null ? [] : [counter]))
  assert.equal(new Set(counters).size, counters.length)
  for (const { label } of Object.values(eventRows)) assert.ok(!['client', 'topic', 'username'].includes(label ?? ''))
})

it('an event counts also when its line is below the log level', () => {
  const events = silent()
  events.emit('client.connected', { client: 'a' })
  events.emit('client.connected', { client: 'b' })
  assert.equal(events.counts.get('trestle_client_connects_total')?.values.get(''), 2)
})

it('an event that tells of several counts as many', () => {
  const events = silent()
  events.emit('message.dropped', { reason: 'journal', messages: 3 }, 3)
  events.emit('message.dropped', { reason: 'journal', messages: 2 }, 2)
  assert.equal(events.counts.get('trestle_messages_dropped_total')?.values.get('journal'), 5)
})

it('a labelled counter counts each value of its label', () => {
  const events = silent()
  events.emit('connector.retrying', { connector: 'lake' })
  events.emit('connector.retrying', { connector: 'lake' })
  events.emit('connector.retrying', { connector: 'archive' })
  assert.deepEqual(
    [...events.counts.get('trestle_connector_retries_total')!.values],
    [
      ['lake', 2],
      ['archive', 1],
    ],
  )
})

it('an unlabelled counter is there from the start, at 0', () => {
  assert.equal(silent().counts.get('trestle_journal_failures_total')?.values.get(''), 0)
})

it('an event told by name counts when the table has it, and is a plain line when not', () => {
  const lines: string[] = []
  const stream = { write: (line: string) => lines.push(line) }
  const events = new Events(new Log({ level: 'info', human: false, stream, redact: (text) => text, now: () => 0 }))
  events.tell('debug', 'connector.retrying', { connector: 'lake' })
  events.tell('warn', 'kafka.new-identity', { producer: 7 })
  assert.equal(events.counts.get('trestle_connector_retries_total')!.values.get('lake'), 1)
  const told = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.deepEqual(
    told.map(({ level, event, msg }) => [level, event, msg]),
    [
      ['warn', 'connector.retrying', 'connector will try again'],
      ['warn', 'kafka.new-identity', 'kafka.new-identity'],
    ],
  )
})
