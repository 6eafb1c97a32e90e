import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, test } from 'node:test'
import { type BridgeBody, threadBody } from '../../src/bridge/body.ts'
import type { BridgeOptions } from '../../src/bridge/supervisor.ts'
import { BridgeRig, connectorOf, until } from '../support/bridge-rig.ts'

let rig: BridgeRig
let bodies: BridgeBody[] = []
afterEach(() => rig.stop())

/** A rig with a real thread; its sink writes lines that both threads can see. */
const start = async (options: Partial<BridgeOptions> = {}): Promise<BridgeRig> => {
  bodies = []
  const connectors = [connectorOf('lake', { type: 'line', options: {} })]
  rig = new BridgeRig({
    connectors,
    makeBody: () => {
      const body = threadBody()
      bodies.push(body)
      return body
    },
    ...options,
  })
  Object.assign(connectors[0]!, { options: { path: join(rig.folder, 'out.txt') } })
  return await rig.start()
}

const lines = (): string[][] => {
  try {
    return readFileSync(join(rig.folder, 'out.txt'), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(' '))
  } catch {
    return []
  }
}

const arrived = (count: number): Promise<void> =>
  until(() => new Set(lines().map(([id]) => id)).size >= count, `${count} have arrived`, 15_000)

/** Repeats carry the id they had; without them each key ascends. */
const assertWhole = (count: number): void => {
  const values = new Map<string, string>()
  const last = new Map<string, number>()
  for (const [id, key, value] of lines() as [string, string, string][]) {
    if (values.has(id)) {
      assert.equal(values.get(id), value)
      continue
    }
    values.set(id, value)
    assert.ok(Number(value) > (last.get(key) ?? 0), `${value} came late in ${key}`)
    last.set(key, Number(value))
  }
  assert.deepEqual(
    [...values.values()].map(Number).sort((one, other) => one - other),
    Array.from({ length: count }, (_, at) => at + 1),
  )
}

const balanced = async (count: number): Promise<void> => {
  await until(async () => (await rig.link('lake')).sink?.settled === count, 'all is settled')
  assert.equal((await rig.link('lake')).sink!.unaccounted, 0)
}

describe('the connector thread', () => {
  test('delivers from the journal without a payload crossing, and lets the journal go', async () => {
    await start()
    rig.appendMany(300, 3)
    await arrived(300)
    assertWhole(300)
    assert.equal(lines().length, 300)
    await balanced(300)
    await until(() => rig.lowWater === 300, 'the mark has moved')
  })

  test('that is killed again and again is started again and loses nothing', async () => {
    await start()
    for (let round = 0; round < 3; round++) {
      rig.appendMany(100, 3, round * 100 + 1)
      await arrived(round * 100 + 30)
      await bodies.at(-1)!.terminate()
    }
    await arrived(300)
    assertWhole(300)
    await balanced(300)
    const { thread } = await rig.bridge.status()
    assert.equal(thread.restarts, 3)
    assert.equal(rig.events.filter((name) => name === 'connector-thread.ended').length, 3)
  })

  test('that ends by a connector’s uncaught exception or exit is started again, and the reason is shown', async () => {
    await start()
    rig.append([{ target: 'crash' }], { payload: Buffer.from('1') })
    await until(() => rig.events.includes('connector-thread.ended'), 'it ended')
    rig.append([{ target: 'exit' }], { payload: Buffer.from('2') })
    rig.append([{}], { payload: Buffer.from('3') })
    await arrived(3)
    await balanced(3)
    assertWhole(3)
    const { thread } = await rig.bridge.status()
    assert.ok(thread.restarts >= 2)
  })

  test('that is blocked delays nobody on main, and status says so with what was last known', async () => {
    await start({ answerTimeoutMs: 100 })
    rig.appendMany(10)
    await arrived(10)
    await balanced(10)
    rig.append([{ target: 'block:1500' }], { payload: Buffer.from('11') })
    await arrived(11)
    const beganMs = performance.now()
    for (let n = 12; n <= 200; n++) rig.append([{}], { payload: Buffer.from(String(n)) })
    for (let n = 0; n < 10_000; n++) rig.bridge.appended(n)
    assert.ok(performance.now() - beganMs < 200, 'appends waited for the thread')
    const { thread, connectors } = await rig.bridge.status()
    assert.ok(performance.now() - beganMs < 600, 'status waited for the thread')
    assert.equal(thread.state, 'blocked')
    const lake = connectors.find(({ name }) => name === 'lake')!
    assert.equal(lake.state, 'failing')
    assert.equal(lake.why, 'connector thread does not answer')
    assert.equal(lake.sink!.settled, 10)
    await arrived(200)
    await balanced(200)
    assert.equal((await rig.bridge.status()).thread.state, 'running')
  })

  test('that is silent for too long is ended and started again', async () => {
    await start({ answerTimeoutMs: 50, maxSilenceMs: 400 })
    rig.append([{ target: 'block:60000' }], { payload: Buffer.from('1') })
    rig.append([{}], { payload: Buffer.from('2') })
    await arrived(2)
    await until(() => rig.events.includes('connector-thread.ended'), 'it was ended')
    await balanced(2)
    assertWhole(2)
  })

  test('stops with its cursors written: the next one repeats nothing', async () => {
    await start()
    rig.appendMany(100)
    await arrived(100)
    await rig.bridge.stop()
    assert.equal((await rig.bridge.status()).thread.state, 'stopped')
    rig.bridge = rig.openBridge({
      connectors: [connectorOf('lake', { type: 'line', options: { path: join(rig.folder, 'out.txt') } })],
      makeBody: threadBody,
    })
    await rig.bridge.start()
    rig.appendMany(1, 1, 101)
    await arrived(101)
    assert.equal(lines().length, 101)
  })

  test('that is not running is said so at once', async () => {
    await start()
    await rig.bridge.stop()
    await assert.rejects(rig.bridge.deadLetters.list(), { code: 'E608' })
    await assert.rejects(rig.bridge.pause('lake'), { code: 'E608' })
  })
})
