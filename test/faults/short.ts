import assert from 'node:assert/strict'
import test from 'node:test'
import type { FarSystem } from './far-system.ts'
import { runFaults } from './matrix.ts'
import { judgementFaults } from './verdict.ts'

/** The fault matrix of one system as CI runs it: every fault once, for seconds, in both directions. */
export function faultTest(system: FarSystem): void {
  test(`A1 A3 A4 A9: ${system.name} is killed, stopped and cut off, and the hub is killed, and nothing acknowledged is lost or out of order`, async (t) => {
    const missing = await system.missing()
    if (missing !== false) return t.skip(missing)
    const { cells, unaccounted } = await runFaults(system, {
      rate: 600,
      beforeMs: 1500,
      awayMs: 3000,
      afterMs: 1500,
      drainMs: 90_000,
    })
    assert.deepEqual(
      cells.flatMap((cell) => judgementFaults(system, cell)),
      [],
    )
    assert.equal(unaccounted, 0)
    for (const { fault, sink, source } of cells) {
      for (const one of [sink, source]) t.diagnostic(`${fault}: ${JSON.stringify(one === null ? null : shortOf(one))}`)
    }
  })
}

const shortOf = (one: {
  acknowledged: number
  droppable: number
  sentAgain: number
  unexplained: string[]
}): object => ({
  acknowledged: one.acknowledged,
  droppable: one.droppable,
  sentAgain: one.sentAgain,
  unexplained: one.unexplained.length,
})
