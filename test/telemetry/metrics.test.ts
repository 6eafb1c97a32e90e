import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { readProcessUsage } from '../../src/telemetry/process.ts'
import { emptyLedger } from '../../src/telemetry/report.ts'
import { sampleReport } from '../api/fake-hub.ts'

const usage = () => ({
  cpuUserSeconds: 1.5,
  cpuSystemSeconds: 0.5,
  rssBytes: 100,
  heapUsedBytes: 50,
  startSeconds: 10,
  loopUtilization: 0.25,
})

it('D4: shows each figure of the report once, with names of the configuration as labels', async () => {
  const text = await new Metrics(usage).render(sampleReport())
  const lines = new Set(text.split('\n'))
  for (const line of [
    'trestle_info{version="0.1.0",hub="7f3a9c"} 1',
    'trestle_unaccounted 0',
    'trestle_connections 50',
    'trestle_messages_received_total 1234567',
    'trestle_subscriber_dropped_total{reason="queue full"} 5',
    'trestle_rule_delivered_total{rule="line-telemetry"} 9000',
    'trestle_rule_dead_lettered_total{rule="line-telemetry"} 1000',
    'trestle_rule_pending{rule="line-telemetry"} 0',
    'trestle_connector_received_total{connector="lake"} 10000',
    'trestle_connector_state{connector="archive",type="reductstore",state="retrying"} 1',
    'trestle_connector_state{connector="archive",type="reductstore",state="connected"} 0',
    'trestle_connector_waiting_messages{connector="archive"} 2310044',
    'trestle_connector_waiting_bytes{connector="archive"} 1100000000',
    'trestle_connector_waiting_oldest_seconds{connector="archive"} 240',
    'trestle_journal_state{state="writing"} 1',
    'trestle_journal_state{state="full"} 0',
    'trestle_journal_durable_position 10000',
    'trestle_journal_commits_total 812',
    'process_cpu_seconds_total 2',
    'process_resident_memory_bytes 100',
  ]) {
    assert.ok(lines.has(line), `${line} in\n${text}`)
  }
  assert.doesNotMatch(text, /waiting_messages\{connector="orders"\}/)
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  assert.equal(new Set(samples.map((line) => line.slice(0, line.lastIndexOf(' ')))).size, samples.length)
})

it('a connector that is gone leaves no stale series, and a ledger that does not balance is seen', async () => {
  const metrics = new Metrics(usage)
  await metrics.render(sampleReport())
  const report = { ...sampleReport(), connectors: [], ledger: { ...emptyLedger(), unaccounted: 3 } }
  const text = await metrics.render(report)
  assert.doesNotMatch(text, /lake/)
  assert.match(text, /^trestle_unaccounted 3$/m)
})

it('event counters stand beside the report', async () => {
  const counts = new Map([['trestle_client_refusals_total', { label: 'reason', values: new Map([['135', 2]]) }]])
  const text = await new Metrics(usage).render(sampleReport(), counts)
  assert.match(text, /^trestle_client_refusals_total\{reason="135"\} 2$/m)
})

it('the process reads its own cost', () => {
  const read = readProcessUsage()
  assert.ok(read.rssBytes > 1e7 && read.cpuUserSeconds > 0 && read.startSeconds > 1.6e9)
})
