import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ledgerBalances } from '../../src/telemetry/report.ts'
import { HubProcess } from '../support/hub-process.ts'
import { StubbornPublisher } from '../support/stubborn-publisher.ts'

const kills = 6
const devices = 8
const rules = {
  'each-once': `
from: crash/{device}
once: { by: "\${device}-\${payload.n}", within: 1h }
window: { every: 1s, by: "\${device}", values: { n: count(), sum: sum(payload.n) } }
to: [{ sink: records, file: once }]
`,
  'as-they-come': `
from: crash/{device}
window: { every: 700ms, by: "\${device}", values: { n: count(), last: last(payload.n) } }
to: [{ sink: records, file: all }]
`,
  samples: `
from: crash/{device}
at_most: { every: 1s, keep: last }
to: [{ sink: records, file: samples }]
`,
}

interface Line {
  readonly id: string
  readonly payload: {
    readonly n: number
    readonly sum: number
    readonly key: string
    readonly start: string
    readonly last: number
  }
}

const linesOf = (folder: string, name: string): Line[] =>
  readdirSync(folder)
    .filter((file) => file.startsWith(name))
    .sort()
    .flatMap((file) => readFileSync(join(folder, file), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0)

test(`A1 A3 A8: a hub is killed ${kills} times while windows fill, and their sums are those of all messages, each once`, async () => {
  const hub = await HubProcess.create({ connectors: { records: { type: 'file', path: '../out' } }, rules })
  const publishers = Array.from(
    { length: devices },
    (_, device) =>
      new StubbornPublisher({
        port: hub.mqttPort,
        client: `d${device}`,
        topic: `crash/d${device}`,
        qos: device % 2 === 0 ? 1 : 2,
        version: device % 4 < 2 ? 4 : 5,
        rate: 150,
        maxInFlight: 100,
        payload: (n) => JSON.stringify({ n }),
      }),
  )
  try {
    await hub.start()
    for (const one of publishers) one.start()
    for (let kill = 0; kill < kills; kill++) {
      await sleep(500 + Math.random() * 1000)
      // Now and then it may tidy up.
      await (kill % 3 === 2 ? hub.stop() : hub.kill())
      await hub.start()
    }
    await Promise.all(publishers.map((one) => one.finish()))
    const report = await hub.until(
      ({ ledger, rules: all }) =>
        ledger.pending === 0 && all.every(({ state }) => state === null || state.nextMs === null),
    )
    const out = join(hub.folder, 'out')
    const once = linesOf(out, 'once')
    const made = sum(publishers.map((one) => one.made))
    assert.ok(made > 500, `only ${made} messages`)
    assert.equal(sum(once.map(({ payload }) => payload.n)), made, 'counted once each')
    const numbers = publishers.map((one) => (one.made * (one.made - 1)) / 2)
    assert.equal(sum(once.map(({ payload }) => payload.sum)), sum(numbers))
    const windows = once.map(({ payload }) => `${payload.key} ${payload.start}`)
    assert.equal(new Set(windows).size, windows.length, 'no window has two results')
    const all = sum(linesOf(out, 'all').map(({ payload }) => payload.n))
    assert.ok(all >= made && all <= sum(publishers.flatMap((one) => one.sends)), 'what came twice may count twice')
    for (const [device, one] of publishers.entries()) {
      const last = linesOf(out, 'all').filter(
        ({ payload }) => payload.key === `d${device}` || payload.key === `crash/d${device}`,
      )
      assert.equal(last.at(-1)!.payload.last, one.made - 1, 'results of a key are in order')
    }
    assert.equal(report.ledger.unaccounted, 0)
    assert.ok(ledgerBalances(report.ledger))
    assert.ok(report.ledger.absorbed >= made * 3)
  } finally {
    for (const one of publishers) one.abandon()
    await hub.dispose()
  }
})
