import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Link, type LinkEvent, type LinkState, linkTable } from '../../src/bridge/link.ts'
import { TrestleError } from '../../src/contract/error.ts'

const walk: Record<LinkState, Record<LinkEvent, LinkState>> = {
  starting: {
    opened: 'connected',
    failed: 'retrying',
    refused: 'failing',
    pause: 'paused',
    resume: 'starting',
    stop: 'stopped',
  },
  connected: {
    opened: 'connected',
    failed: 'retrying',
    refused: 'failing',
    pause: 'paused',
    resume: 'connected',
    stop: 'stopped',
  },
  retrying: {
    opened: 'connected',
    failed: 'retrying',
    refused: 'failing',
    pause: 'paused',
    resume: 'retrying',
    stop: 'stopped',
  },
  failing: {
    opened: 'connected',
    failed: 'retrying',
    refused: 'failing',
    pause: 'paused',
    resume: 'failing',
    stop: 'stopped',
  },
  paused: {
    opened: 'paused',
    failed: 'paused',
    refused: 'paused',
    pause: 'paused',
    resume: 'starting',
    stop: 'stopped',
  },
  stopped: {
    opened: 'stopped',
    failed: 'stopped',
    refused: 'stopped',
    pause: 'stopped',
    resume: 'stopped',
    stop: 'stopped',
  },
}

for (const state of Object.keys(walk) as LinkState[])
  for (const event of Object.keys(walk[state]) as LinkEvent[])
    test(`a ${state} link, on ${event}, is ${walk[state][event]}`, () => {
      assert.equal(linkTable[state][event], walk[state][event])
    })

const setUp = () => {
  const clock = { nowMs: 1000 }
  const changes: string[] = []
  const link = new Link(
    () => clock.nowMs,
    ({ state }, before) => changes.push(`${before} → ${state}`),
  )
  return { clock, changes, link }
}

test('a link says since when and why, and what its last error was', () => {
  const { clock, changes, link } = setUp()
  clock.nowMs = 2000
  link.failed(new TrestleError('E601', 'refused by far:9092'), 2500)
  assert.deepEqual([link.state, link.sinceMs, link.why, link.retries], ['retrying', 2000, 'refused by far:9092', 1])
  assert.deepEqual(link.lastError, { code: 'E601', message: 'refused by far:9092', timeMs: 2000, nextTryMs: 2500 })
  clock.nowMs = 2500
  link.failed(new TrestleError('E601', 'refused again'), 3500)
  assert.equal(link.sinceMs, 2000, 'it has been retrying since the first')
  link.opened()
  assert.deepEqual([link.state, link.why, link.lastError?.nextTryMs], ['connected', null, null])
  assert.deepEqual(changes, ['starting → retrying', 'retrying → connected'])
})

test('an error of class never is failing, not retrying: someone should look', () => {
  const { link } = setUp()
  link.failed(new TrestleError('E611', 'version 0.7 is too old'), 2000)
  assert.equal(link.state, 'failing')
  link.failed(new TrestleError('E601', 'gone'), 3000)
  assert.equal(link.state, 'retrying')
})

test('what happens to a paused link does not change why it is paused', () => {
  const { link } = setUp()
  link.pause()
  link.failed(new TrestleError('E601', 'gone'), 3000)
  assert.deepEqual([link.state, link.why], ['paused', 'paused on request'])
  link.resume()
  assert.deepEqual([link.state, link.why], ['starting', null])
})
