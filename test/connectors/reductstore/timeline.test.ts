import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Delivery } from 'trestle/contract'
import { Timeline } from '../../../connectors/reductstore/timeline.ts'
import { deliveries } from '../../support/delivery.ts'

const withFolder = async (work: (folder: string) => Promise<void> | void): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'trestle-timeline-'))
  try {
    await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const deliveryAt = (position: number, timeMs: number, index = 0): Delivery => ({
  ...deliveries()({ message: { timeMs } }),
  position,
  index,
})

describe('timestamps in ReductStore', () => {
  test('lie within the millisecond of arrival', () =>
    withFolder((folder) => {
      const timeline = new Timeline(folder, 'hub')
      const timestamp = timeline.timestampOf(deliveryAt(42, 1_700_000_000_123), 0)
      assert.equal(Math.floor(timestamp / 1000), 1_700_000_000_123)
    }))

  test('rise with the position as long as the time of arrival does not fall', () =>
    withFolder(async (folder) => {
      await fc.assert(
        fc.asyncProperty(
          // Milliseconds with so many messages: some with more than a lap has places.
          fc.array(fc.nat(600), { minLength: 3, maxLength: 12 }),
          fc.nat(10_000),
          async (counts, first) => {
            const timeline = new Timeline(join(folder, randomUUID()), 'hub')
            let position = first
            let before = 0
            for (const [ms, count] of counts.entries()) {
              for (let at = 0; at < count; at++) {
                const timestamp = timeline.timestampOf(deliveryAt(position++, 1_700_000_000_000 + ms), 0)
                assert.ok(timestamp > before, `position ${position - 1}`)
                before = timestamp
              }
            }
          },
        ),
        { seed: 1, numRuns: 20 },
      )
    }))

  test('are the same after a restart, whatever came in between and whatever a crash tore', () =>
    withFolder(async (folder) => {
      const all = Array.from({ length: 2000 }, (_, at) =>
        deliveryAt(at + 100, 1_700_000_000_000 + Math.floor(at / 700)),
      )
      const first = new Timeline(folder, 'hub')
      const given = all.map((delivery) => first.timestampOf(delivery, 0))
      await appendFile(join(folder, 'shifts.jsonl'), '[12,[[17')
      const again = new Timeline(folder, 'hub')
      for (const at of [1999, 0, 400, 1200, 700, 650, 1]) assert.equal(again.timestampOf(all[at]!, 0), given[at])
      assert.deepEqual(
        all.map((delivery) => new Timeline(folder, 'hub').timestampOf(delivery, 0)),
        given,
      )
    }))

  test('write nothing down while no millisecond is in two laps', () =>
    withFolder(async (folder) => {
      const timeline = new Timeline(folder, 'hub')
      for (let at = 0; at < 2000; at++) timeline.timestampOf(deliveryAt(at, 1_700_000_000_000 + at), 0)
      await assert.rejects(readFile(join(folder, 'shifts.jsonl')), { code: 'ENOENT' })
    }))

  test('have other places where the first is taken, all different and always the same', () =>
    withFolder((folder) => {
      const timeline = new Timeline(folder, 'hub')
      const places = (index: number): number[] =>
        Array.from({ length: 12 }, (_, attempt) =>
          timeline.timestampOf(deliveryAt(7, 1_700_000_000_000, index), attempt),
        )
      assert.equal(new Set(places(0)).size, 12)
      assert.deepEqual(places(0), places(0))
      assert.deepEqual([...places(1)].sort(), [...places(0)].sort())
      assert.notEqual(places(1)[0], places(0)[0])
    }))
})
