import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IdleGate, takeIdle } from '../../src/bridge/idle-gate.ts'

const setUp = (restMs = 20) => {
  const shared = new SharedArrayBuffer(4)
  const flag = new Int32Array(shared)
  const journal = { tail: 0 }
  const gate = new IdleGate(shared, () => journal.tail, restMs)
  const woken: string[] = []
  const loop = (name: string) => ({ hasMore: () => name !== 'others’', wake: () => void woken.push(name) })
  return { flag, journal, gate, woken, loop }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

test('main posts nothing while nobody sleeps, nor while the gate still looks by itself', () => {
  const { flag, gate, loop } = setUp()
  assert.equal(takeIdle(flag), false)
  gate.wake()
  gate.enter(loop('a'))
  assert.equal(takeIdle(flag), false)
  gate.close()
})

test('what was appended between the last look and the flag wakes the sleepers', async () => {
  const { gate, journal, woken, loop } = setUp()
  gate.wake()
  gate.enter(loop('a'))
  journal.tail = 7
  assert.deepEqual(woken, [])
  await pause(40)
  gate.close()
  assert.deepEqual(woken, ['a'])
})

test('after a rest without appends main is asked to post, and its post wakes all who sleep', async () => {
  const { flag, gate, woken, loop } = setUp()
  gate.wake()
  gate.enter(loop('a'))
  gate.enter(loop('b'))
  await pause(40)
  assert.equal(takeIdle(flag), true)
  assert.equal(takeIdle(flag), false)
  gate.wake()
  assert.deepEqual(woken, ['a', 'b'])
  gate.close()
})

test('a loop for which nothing was appended sleeps on, and main is asked to post again', async () => {
  const { flag, gate, woken, loop } = setUp()
  gate.wake()
  gate.enter(loop('others’'))
  gate.enter(loop('a'))
  await pause(40)
  assert.equal(takeIdle(flag), true)
  gate.wake()
  assert.deepEqual(woken, ['a'])
  gate.leave(loop('a'))
  await pause(40)
  assert.equal(takeIdle(flag), true)
  gate.close()
})

test('while all that comes is for others the rests grow, and end when one who may be meant goes to sleep', async () => {
  const { flag, gate, journal, woken, loop } = setUp(40)
  gate.enter(loop('others’'))
  for (let tail = 1; tail <= 4; tail += 1) {
    journal.tail = tail
    gate.wake()
  }
  await pause(60)
  assert.equal(takeIdle(flag), false)
  gate.enter(loop('a'))
  assert.equal(takeIdle(flag), true)
  gate.wake()
  assert.deepEqual(woken, ['a'])
  gate.close()
})
