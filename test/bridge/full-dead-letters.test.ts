import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deadLetterSink } from '../../src/journal/port.ts'
import { BridgeRig, connectorOf, until } from '../support/bridge-rig.ts'
import { failsNever, farSideOf, farSides } from '../support/memory-connector.ts'

for (const sink of ['lake', deadLetterSink]) {
  test(`A7: what would become a dead letter of ${sink} stays owed while these are full, and the report says why`, async (t) => {
    farSides.clear()
    farSideOf('lake').fault = () => failsNever('schema is unknown there')
    const rig = new BridgeRig({ connectors: [connectorOf('lake')], maxDeadLetterBytes: 100 })
    await rig.start()
    t.after(() => rig.stop())
    const owed = { sink, options: { code: 'E401', message: 'no' } }
    const count = async () => (await rig.bridge.deadLetters.count())[sink] ?? 0
    const link = async () => (await rig.bridge.status()).connectors.find(({ name }) => name === sink)!

    rig.append([owed])
    await until(async () => (await count()) === 1, 'the first is kept: there was room')
    rig.append([{ ...owed, orderKey: 'another' }])
    await until(async () => (await link()).why !== null, 'the second is in the way')
    const { why, lastError, sink: numbers } = await link()
    assert.match(why!, /^1 dead letters cannot be stored: the dead letters have reached their limit of 100 bytes/)
    assert.equal(lastError!.code, 'E406')
    assert.deepEqual([numbers!.settled, numbers!.held, numbers!.unaccounted], [1, 1, 0])
    assert.equal(await count(), 1)

    await rig.bridge.deadLetters.discard({})
    await until(async () => (await link()).sink!.settled === 2, 'it is kept when there is room again')
    assert.equal((await rig.bridge.deadLetters.list())[0]!.id, '2-0')
    assert.equal((await link()).why, null)
  })
}
