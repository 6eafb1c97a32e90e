import assert from 'node:assert/strict'
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ledgerBalances } from '../../src/telemetry/report.ts'
import { HubProcess } from '../support/hub-process.ts'
import { StubbornPublisher } from '../support/stubborn-publisher.ts'

const ruleOf = (every: string, set: number): string => `
from: devices/{device}
window: { every: ${every}, by: "\${device}", values: { n: count(), sum: sum(payload.n) } }
set: { set: "${set}" }
to: [{ sink: records }]
`
const devices = 6

interface Result {
  readonly n: number
  readonly sum: number
  readonly key: string
  readonly set: number
  readonly partial: boolean
}

const resultsOf = (folder: string): Result[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { payload: Result }).payload)

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0)

test('A1 B9: windows are reloaded under load, with the same clause and with others, and their sums are those of all messages', async () => {
  const hub = await HubProcess.create({
    connectors: { records: { type: 'file', path: '../out' } },
    rules: { windows: ruleOf('1s', 0) },
  })
  const publishers = Array.from(
    { length: devices },
    (_, device) =>
      new StubbornPublisher({
        port: hub.mqttPort,
        client: `d${device}`,
        topic: `devices/d${device}`,
        qos: device % 2 === 0 ? 1 : 2,
        version: device % 3 === 0 ? 5 : 4,
        rate: 200,
        maxInFlight: 100,
        payload: (n) => JSON.stringify({ n }),
      }),
  )
  try {
    await hub.start()
    for (const one of publishers) one.start()
    for (const [set, every] of ['1s', '1s', '10m', '1s', '2s', '10m', '700ms'].entries()) {
      await sleep(300 + Math.random() * 400)
      const file = join(hub.folder, 'rules', 'windows.yaml')
      writeFileSync(`${file}.next`, ruleOf(every, set + 1))
      renameSync(`${file}.next`, file)
      const answer = await fetch(`http://127.0.0.1:${hub.apiPort}/api/reload`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
      })
      assert.equal(answer.status, 200)
    }
    await Promise.all(publishers.map((one) => one.finish()))
    const report = await hub.until(
      ({ ledger, rules }) =>
        ledger.pending === 0 && rules.every(({ state }) => state === null || state.nextMs === null),
    )
    const results = resultsOf(join(hub.folder, 'out'))
    assert.equal(sum(publishers.map((one) => sum(one.sends))), sum(publishers.map((one) => one.made)), 'each sent once')
    assert.equal(sum(results.map(({ n }) => n)), sum(publishers.map((one) => one.made)))
    assert.equal(sum(results.map((one) => one.sum)), sum(publishers.map(({ made }) => (made * (made - 1)) / 2)))
    assert.ok(results.some(({ partial }) => partial))
    assert.ok(
      results.some(({ set }) => set === 2 || set === 3),
      'what a rule had gathered left by that rule',
    )
    assert.ok(ledgerBalances(report.ledger))
  } finally {
    for (const one of publishers) one.abandon()
    await hub.dispose()
  }
})
