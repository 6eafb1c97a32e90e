import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Claims } from '../../../connectors/mqtt/claims.ts'
import { deliveries } from '../../support/delivery.ts'

test('a claim, its receipt by the server and its end are known again when the file is read', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'trestle-mqtt-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'one.claims')
  const make = deliveries()
  const [claimed, received, complete, voided] = [make(), make(), make(), make()]
  const first = await Claims.open(path)
  assert.equal(first.isNew, true)
  await first.begin()
  assert.equal(first.isNew, false)
  for (const [at, delivery] of [claimed, received, complete, voided].entries()) first.claim(at + 1, delivery!)
  first.received(2)
  first.received(3)
  first.complete(3)
  first.void(4)
  await first.save(true)
  await first.close()
  for (let read = 0; read < 2; read++) {
    const claims = await Claims.open(path)
    assert.equal(claims.isNew, false)
    await claims.begin()
    assert.deepEqual([claims.find(claimed!)?.packetId, claims.find(claimed!)?.received], [1, false])
    assert.deepEqual([claims.find(received!)?.packetId, claims.find(received!)?.received], [2, true])
    assert.equal(claims.isComplete(complete!), true)
    assert.equal(claims.find(voided!), undefined)
    assert.equal(claims.isComplete(voided!), false)
    assert.equal(claims.openCount, 2)
    await claims.close()
  }
})

test('what follows a torn record does not count', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'trestle-mqtt-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'one.claims')
  const make = deliveries()
  const [one, two] = [make(), make()]
  const claims = await Claims.open(path)
  await claims.begin()
  claims.claim(1, one)
  claims.claim(2, two)
  await claims.save(true)
  await claims.close()
  truncateSync(path, readFileSync(path).length - 5)
  appendFileSync(path, Buffer.alloc(64))
  const again = await Claims.open(path)
  assert.equal(again.find(one)?.packetId, 1)
  assert.equal(again.find(two), undefined)
  await again.close()
})

test('the same position with another arrival is another delivery: the journal was put back', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'trestle-mqtt-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const claims = await Claims.open(join(folder, 'one.claims'))
  await claims.begin()
  const old = deliveries()()
  claims.claim(1, old)
  claims.received(1)
  claims.complete(1)
  assert.equal(claims.isComplete(old), true)
  const other = deliveries()({ message: { timeMs: old.message.timeMs + 1 } })
  assert.equal(other.position, old.position)
  assert.equal(claims.isComplete(other), false)
  await claims.close()
})
