import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Rate } from '../../src/telemetry/rate.ts'

it('a steady flow has its rate, whenever one asks', () => {
  const rate = new Rate()
  for (let second = 0; second <= 20; second++) rate.sample(second * 1000, second * 1000)
  assert.equal(rate.perSecond(20_000, 20_000), 1000)
  assert.equal(rate.perSecond(20_500, 20_500), 1000)
})

it('what is older than the window is forgotten', () => {
  const rate = new Rate(5000)
  for (let second = 0; second <= 10; second++) rate.sample(second * 1000, second * 1000)
  for (let second = 11; second <= 15; second++) rate.sample(10_000, second * 1000)
  assert.equal(rate.perSecond(10_000, 15_000), 0)
})

it('there is no rate before the first sample, nor after a counter that was started anew', () => {
  const rate = new Rate()
  assert.equal(rate.perSecond(100, 1000), 0)
  rate.sample(1000, 1000)
  rate.sample(2000, 2000)
  rate.sample(0, 3000)
  assert.equal(rate.perSecond(10, 4000), 10)
})

it('samples in quick succession do not shrink the window', () => {
  const rate = new Rate(5000)
  for (let ms = 0; ms <= 5000; ms += 10) rate.sample(ms, ms)
  assert.equal(rate.perSecond(5000, 5000), 1000)
})
