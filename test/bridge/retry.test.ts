import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backOffMs, ReconnectGovernor } from '../../src/bridge/retry.ts'

test('A5: a back-off is any time up to a bound that doubles to its cap', () => {
  const bounds = [1, 2, 3, 8, 9, 10, 40, 2000].map((failures) => backOffMs(failures, () => 1))
  assert.deepEqual(bounds, [100, 200, 400, 12_800, 25_600, 30_000, 30_000, 30_000])
  assert.equal(
    backOffMs(5, () => 0),
    0,
  )
  assert.equal(
    backOffMs(5, () => 0.25),
    400,
  )
})

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('A5: the governor lets so many open at once, and the next when one has ended', async () => {
  const governor = new ReconnectGovernor({ maxOpens: 2, spacingMs: 0 })
  const open: (() => void)[] = []
  for (let n = 0; n < 5; n++) void governor.acquire().then((release) => open.push(release))
  await settle()
  assert.equal(open.length, 2)
  open[0]!()
  open[0]!()
  await settle()
  assert.equal(open.length, 3, 'a release counts once')
  for (const release of open) release()
  await settle()
  assert.equal(open.length, 5)
})

test('the governor keeps its distance between openings, first come, first served', async () => {
  const governor = new ReconnectGovernor({ maxOpens: 10, spacingMs: 20 })
  const at: number[] = []
  const order: number[] = []
  const all = Array.from({ length: 4 }, async (_, n) => {
    const release = await governor.acquire()
    at.push(performance.now())
    order.push(n)
    release()
  })
  await Promise.all(all)
  assert.deepEqual(order, [0, 1, 2, 3])
  for (let n = 1; n < at.length; n++) assert.ok(at[n]! - at[n - 1]! >= 15, `${at[n]! - at[n - 1]!} ms`)
})
