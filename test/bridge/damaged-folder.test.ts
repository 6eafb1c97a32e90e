import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { type BridgeBody, threadBody } from '../../src/bridge/body.ts'
import { TrestleError } from '../../src/contract/error.ts'
import { BridgeRig, connectorOf, pause, until } from '../support/bridge-rig.ts'

let rig: BridgeRig
afterEach(() => rig.stop())

const lake = (): ReturnType<typeof connectorOf> =>
  connectorOf('lake', { type: 'line', options: { path: join(rig.folder, 'out.txt') } })

/** A rig whose sink appends lines; `spoil` gets at its folder before it starts. */
const rigOf = (makeBody?: () => BridgeBody, spoil: (folder: string) => void = () => {}): Promise<BridgeRig> => {
  const connectors = [connectorOf('lake')]
  rig = new BridgeRig({ connectors, ...(makeBody === undefined ? {} : { makeBody }) })
  Object.assign(connectors[0]!, lake())
  mkdirSync(join(rig.folder, 'cursors'))
  spoil(rig.folder)
  return rig.start()
}

test('A8: a cursor that was removed is begun anew where the journal begins, and what went before is not called missing', async () => {
  await rigOf()
  const payload = Buffer.alloc(400_000, 'x')
  for (let n = 0; n < 9; n++) rig.append([{}], { payload })
  await until(() => rig.lowWater === 9, 'all is settled')
  await until(() => {
    rig.journal.release(rig.lowWater)
    return rig.journal.report().segments === 1
  }, 'the oldest segments are gone')
  await rig.bridge.stop()
  rmSync(join(rig.folder, 'cursors', 'lake.cursor'))

  rig.bridge = rig.openBridge({ connectors: [lake()] })
  await rig.bridge.start()
  await until(async () => (await rig.link('lake')).sink?.settled === 9, 'all is settled again')
  const { sink, why } = await rig.link('lake')
  assert.deepEqual([sink?.unaccounted, sink?.byRule['telemetry']?.delivered, why], [0, 9, null])
  assert.equal(sink?.settledBytes, 9 * payload.length)
  const ids = readFileSync(join(rig.folder, 'out.txt'), 'utf8').match(/^\S+/gm) ?? []
  assert.equal(new Set(ids).size, 9)
})

test('A8: where a damaged segment was set aside, a removed cursor does not make what it held count as delivered', async () => {
  await rigOf()
  const payload = Buffer.alloc(400_000, 'x')
  for (let n = 0; n < 9; n++) rig.append([{}], { payload })
  await until(() => rig.lowWater === 9, 'all is settled')
  await until(() => {
    rig.journal.release(rig.lowWater)
    return rig.journal.report().segments === 1
  }, 'the oldest segments are gone')
  await rig.bridge.stop()
  rmSync(join(rig.folder, 'cursors', 'lake.cursor'))
  writeFileSync(join(rig.folder, 'journal', '0000000000000001.trestle.damaged'), '')

  rig.bridge = rig.openBridge({ connectors: [lake()] })
  await rig.bridge.start()
  await until(async () => ((await rig.link('lake')).sink?.unaccounted ?? 0) > 0, 'it is told')
})

test('a damaged cursor stands in the status with what to do about it, and keeps the journal whole', async () => {
  await rigOf(undefined, (folder) => writeFileSync(join(folder, 'cursors', 'lake.cursor'), 'no cursor'))
  rig.append()
  const { state, why } = await rig.link('lake')
  assert.equal(state, 'failing')
  assert.match(why ?? '', /cursor .* is damaged: remove the file: .* sent again/)
  await pause(100)
  assert.equal(rig.lowWater, 0)
})

test('damaged dead letters keep the hub from starting, under their own code and with what to do about it', async () => {
  const starting = rigOf(threadBody, (folder) =>
    writeFileSync(join(folder, 'dead-letters.sqlite'), 'no database '.repeat(1000)),
  )
  await assert.rejects(starting, (error) => {
    assert.ok(error instanceof TrestleError)
    assert.equal(error.code, 'E504')
    assert.match(String(error.detail.advice), /put .*dead-letters\.sqlite back from a copy, or move it away/)
    return true
  })
})

test('a thread that fails while it is stopped is not started again', async () => {
  const bodies: BridgeBody[] = []
  await rigOf(() => {
    const body = threadBody()
    bodies.push(body)
    return body
  })
  const stopped = rig.bridge.stop()
  await bodies[0]!.terminate()
  await stopped
  await pause(400)
  assert.equal(bodies.length, 1)
  assert.equal((await rig.bridge.status()).thread.state, 'stopped')
})
