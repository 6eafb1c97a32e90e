import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { HubReport } from '../../src/telemetry/report.ts'
import { HubProcess } from '../support/hub-process.ts'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const flags = ['--conditions=trestle-source', main]
const schema = {
  type: 'object',
  required: ['value'],
  properties: { value: { type: 'number' } },
  additionalProperties: false,
}
const rule = 'from: readings/{device}\nschema: reading\nto: [{ sink: records, file: "${device}" }]\n'

interface Ran {
  exit: number
  out: string
  err: string
}

let hub: HubProcess

function trestle(...args: string[]): Promise<Ran> {
  const env = { ...process.env, TRESTLE_URL: `http://127.0.0.1:${hub.apiPort}`, NO_COLOR: '1' }
  return new Promise((resolve) => {
    execFile(process.execPath, [...flags, ...args], { env }, (error, out, err) => {
      resolve({ exit: error === null ? 0 : Number(error.code), out, err })
    })
  })
}

/** The command line against a hub that runs, as a person would use it. */
describe('the command line on a running hub', () => {
  before(async () => {
    hub = await HubProcess.create({
      connectors: { records: { type: 'file', path: '../out' } },
      rules: { readings: rule },
      schemas: { reading: schema },
    })
    await hub.start()
  })
  after(() => hub.dispose())

  test('the API lets nothing in that MQTT could not carry, and listens to no filter that is none', async () => {
    const api = `http://127.0.0.1:${hub.apiPort}/api`
    for (const properties of [{ contentType: 'c'.repeat(70_000) }, { responseTopic: 'a/#' }, { user: [['a', '\0']] }]) {
      const body = JSON.stringify({ topic: 'kept', payload: 'x', retain: true, properties })
      const answer = await fetch(`${api}/publish`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      })
      assert.equal(answer.status, 400, await answer.text())
    }
    assert.equal((await fetch(`${api}/subscribe?filter=a%23`)).status, 400)
  })

  test('D1: publishes, and status shows the delivery, the balanced ledger and exit 0', async () => {
    const published = await trestle('publish', 'readings/a', '{"value": 1.5}', '--qos', '1')
    assert.equal(published.exit, 0, published.err)
    assert.match(published.out, /stored/)
    await hub.until(({ ledger }) => ledger.delivered === 1)
    const status = await trestle('status')
    assert.equal(status.exit, 0, status.err)
    assert.match(status.out, /records\s+file\s+connected/)
    assert.match(status.out, /ledger\s+received 1 = delivered 1 .*unaccounted 0/)
    const line = JSON.parse(readFileSync(join(hub.folder, 'out', 'a.jsonl'), 'utf8')) as { payload: unknown }
    assert.deepEqual(line.payload, { value: 1.5 })
  })

  test('B6: a refused message names its field, exits with the code, and lies in the dead letters', async () => {
    const refused = await trestle('publish', 'readings/a', '{"value": "warm"}', '--qos', '1')
    assert.equal(refused.exit, 1)
    assert.match(refused.err, /E401 .*payload\.value must be number/)
    await hub.until(({ ledger }) => ledger.deadLettered === 1)
    const list = await trestle('dead-letters', 'list')
    assert.match(list.out, /readings\/a\s+E401/)
    const { items } = JSON.parse((await trestle('dead-letters', 'list', '--json')).out) as { items: { id: string }[] }
    const shown = await trestle('dead-letters', 'show', items[0]!.id)
    assert.match(shown.out, /\{"value": "warm"\}/)
  })

  test('A6: a dead letter is replayed when its cause is mended, and discarded when it is not wanted', async () => {
    // Mended by a second version of the schema, which the hub reads at its next start.
    writeFileSync(
      join(hub.folder, 'schemas', 'reading', '2.json'),
      JSON.stringify({ ...schema, properties: { value: { type: ['number', 'string'] } } }),
    )
    await hub.stop()
    await hub.start()
    const replayed = await trestle('dead-letters', 'replay', '--all')
    assert.equal(replayed.exit, 0, replayed.err)
    const report = await hub.until(({ ledger }) => ledger.delivered === 2)
    assert.equal(report.ledger.unaccounted, 0)
    assert.match(readFileSync(join(hub.folder, 'out', 'a.jsonl'), 'utf8'), /"warm"/)
    assert.match((await trestle('publish', 'readings/a', 'no json', '--qos', '1')).err, /E402/)
    await hub.until(({ ledger }) => ledger.deadLettered === 2)
    assert.equal((await trestle('dead-letters', 'discard', '--all')).exit, 0)
    const { items } = JSON.parse((await trestle('dead-letters', 'list', '--json')).out) as { items: unknown[] }
    assert.deepEqual(items, [])
  })

  test('subscribe prints live messages', async () => {
    const env = { ...process.env, TRESTLE_URL: `http://127.0.0.1:${hub.apiPort}`, NO_COLOR: '1' }
    const child = spawn(process.execPath, [...flags, 'subscribe', 'live/#', '--count', '1'], { env })
    let out = ''
    child.stdout.on('data', (chunk) => {
      out += chunk
    })
    const ended = new Promise((resolve) => child.on('exit', resolve))
    for (let tries = 0; tries < 50 && child.exitCode === null; tries++) {
      await trestle('publish', 'live/hello', 'hi there')
      await sleep(100)
    }
    assert.equal(await ended, 0)
    assert.match(out, /live\/hello.*hi there/)
  })

  test('status of a connector that is down exits 1 and says why; the metrics and the probe say the same', async () => {
    assert.equal((await trestle('connectors', 'pause', 'records')).exit, 0)
    const paused = JSON.parse((await trestle('status', '--json')).out) as HubReport
    assert.equal(paused.connectors[0]!.state, 'paused')
    assert.equal((await trestle('connectors', 'resume', 'records')).exit, 0)
    assert.match((await trestle('connectors', 'probe', 'records')).out, /ok/i)
    const metrics = await (await fetch(`http://127.0.0.1:${hub.apiPort}/metrics`)).text()
    assert.match(metrics, /trestle_unaccounted(\{[^}]*\})? 0/)
  })

  test('B1: check lists every fault with its place and a suggestion, and start refuses to run with them', async () => {
    const file = join(hub.folder, 'rules', 'broken.yaml')
    writeFileSync(file, 'from: readings/{device}\nschema: reading\nwhere: payload.valeu > 1\nto: [{ sink: recrods }]\n')
    const checked = await trestle('check', '-c', hub.configFile)
    assert.equal(checked.exit, 1)
    assert.match(checked.out, /broken\.yaml:3:16\s+E217 .*did you mean `value`/)
    assert.match(checked.out, /broken\.yaml:4:14\s+E205 .*did you mean `records`/)
    const started = await trestle('start', '-c', hub.configFile)
    assert.equal(started.exit, 2)
    assert.match(started.err, /E217/)
    writeFileSync(file, rule.replace('readings/', 'other/'))
    assert.equal((await trestle('check', '-c', hub.configFile)).exit, 0)
  })

  test('a port that is taken and a hub that is not there are one line each that says what to do', async () => {
    const other = await HubProcess.create({ connectors: {}, rules: {} })
    const taken = await trestle('start', '-c', other.configFile, '--set', `api.address=127.0.0.1:${hub.apiPort}`)
    assert.match(taken.err, /E901 .*in use/)
    assert.equal(taken.exit, 3)
    const nobody = await trestle('status', '--url', 'http://127.0.0.1:1')
    assert.equal(nobody.exit, 4)
    assert.match(nobody.err, /E701/)
    await other.dispose()
  })
})
