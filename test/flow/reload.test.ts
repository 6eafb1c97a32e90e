import assert from 'node:assert/strict'
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { HubProcess } from '../support/hub-process.ts'
import { StubbornPublisher } from '../support/stubborn-publisher.ts'

/** Both rules of one set write the set's number; a message of half a set would bear two. */
const ruleOf = (half: 'first' | 'second', set: number): string => `
from: devices/{device}
set: { half: '"${half}"', set: "${set}" }
to: [{ sink: records }]
`
const devices = 10
const rate = 500

interface Line {
  device: number
  sequence: number
  half: 'first' | 'second'
  set: number
}

/** What the file sink has written, in order. */
const linesOf = (folder: string): Line[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n'))
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { payload: Line }).payload)

describe('B9: reloading under 5,000 messages a second', { timeout: 120_000 }, () => {
  let hub: HubProcess
  const put = (name: string, text: string): void => {
    // As a careful deployment does: a file is there whole or not at all.
    const file = join(hub.folder, 'rules', `${name}.yaml`)
    writeFileSync(`${file}.next`, text)
    renameSync(`${file}.next`, file)
  }
  const reload = () => fetch(`http://127.0.0.1:${hub.apiPort}/api/reload`, postJson)
  const postJson = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }

  before(async () => {
    hub = await HubProcess.create({
      connectors: { records: { type: 'file', path: '../out' } },
      rules: { first: ruleOf('first', 0), second: ruleOf('second', 0) },
    })
    await hub.start()
  })
  after(async () => {
    await hub.dispose()
  })

  test('no message is lost, twice, or handled by half a set; one that cannot be loaded changes nothing', async () => {
    const publishers = Array.from(
      { length: devices },
      (_, device) =>
        new StubbornPublisher({
          port: hub.mqttPort,
          client: `device-${device}`,
          topic: `devices/${device}`,
          qos: device % 2 === 0 ? 1 : 2,
          version: device % 3 === 0 ? 5 : 4,
          rate,
          maxInFlight: 200,
          payload: (sequence) => JSON.stringify({ device, sequence }),
        }),
    )
    for (const publisher of publishers) publisher.start()
    let set = 0
    let refused = 0
    const endMs = Date.now() + 6000
    while (Date.now() < endMs) {
      await sleep(100)
      const broken = set % 5 === 4 && refused < set / 5
      put('second', broken ? 'from: devices/{device\nto: []\n' : ruleOf('second', set + 1))
      put('first', ruleOf('first', set + 1))
      const answer = await reload()
      if (broken) {
        refused++
        assert.equal(answer.status, 400)
        const { faults } = (await answer.json()) as { faults: { file: string; line: number }[] }
        assert.ok(faults.length >= 1 && faults.every(({ file }) => file.endsWith('second.yaml')))
      } else {
        set++
        assert.equal(answer.status, 200, await answer.text())
      }
    }
    for (const publisher of publishers) await publisher.finish()
    const sent = publishers.reduce((sum, { made }) => sum + made, 0)
    const report = await hub.until(({ ledger }) => ledger.pending === 0)
    assert.equal(report.ledger.unaccounted, 0)
    assert.equal(report.ledger.delivered, 2 * sent)
    assert.ok(set >= 10 && refused >= 2, `${set} sets, ${refused} refused`)
    await hub.stop()
    checkLines(linesOf(join(hub.folder, 'out')), publishers)
  })
})

function checkLines(lines: readonly Line[], publishers: readonly StubbornPublisher[]): void {
  const sets = new Map<string, Map<string, number>>()
  const next = new Map<string, number>()
  for (const { device, sequence, half, set } of lines) {
    const message = `${device}/${sequence}`
    const halves = sets.get(message) ?? new Map<string, number>()
    sets.set(message, halves)
    assert.ok(!halves.has(half), `${message} ${half} is there twice`)
    halves.set(half, set)
    const chain = `${device} ${half}`
    assert.equal(sequence, next.get(chain) ?? 0, `${chain} out of order`)
    next.set(chain, sequence + 1)
  }
  for (const [message, halves] of sets) {
    assert.equal(halves.size, 2, `${message} lacks a half`)
    assert.equal(halves.get('first'), halves.get('second'), `${message} was handled by half a set`)
  }
  assert.equal(
    sets.size,
    publishers.reduce((sum, { made }) => sum + made, 0),
  )
  assert.ok(new Set([...sets.values()].map((halves) => halves.get('first'))).size >= 10, 'hardly any set was used')
}

describe('B9: a hub that watches its folders', { timeout: 60_000 }, () => {
  test('takes up a changed rule by itself, and stays as it was when the change has a fault', async () => {
    const hub = await HubProcess.create({
      connectors: { records: { type: 'file', path: '../out' } },
      rules: { first: ruleOf('first', 0) },
      settings: { watch: true },
    })
    try {
      await hub.start()
      const names = async () => (await hub.status()).rules.map(({ name }) => name)
      writeFileSync(join(hub.folder, 'rules', 'third.yaml'), 'from: [\n')
      const deadlineMs = Date.now() + 20_000
      while (!/rules have faults/.test(hub.output) && Date.now() < deadlineMs) await sleep(50)
      assert.match(hub.output, /rules have faults; those that were loaded go on/)
      assert.deepEqual(await names(), ['first'])
      writeFileSync(join(hub.folder, 'rules', 'third.yaml'), ruleOf('second', 1))
      await hub.until(({ rules }) => rules.some(({ name }) => name === 'third'), 20_000)
    } finally {
      await hub.dispose()
    }
  })
})
