import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { Judgement } from '../support/judge.ts'
import type { FarSystem } from './far-system.ts'
import { runFaults } from './matrix.ts'
import { judgementFaults } from './verdict.ts'

/** The fault matrix of one system as CI runs it: every fault once, for seconds, in both directions. */
export async function shortFaults(t: TestContext, system: FarSystem): Promise<void> {
  const plan = { rate: 600, beforeMs: 1500, awayMs: 3000, afterMs: 1500, drainMs: 90_000 }
  const { cells, unaccounted } = await runFaults(system, plan)
  for (const { fault, sink, source } of cells)
    t.diagnostic(`${fault}: sink ${shortOf(sink)}, source ${shortOf(source)}`)
  assert.deepEqual(
    cells.flatMap((cell) => judgementFaults(system, cell)),
    [],
  )
  assert.equal(unaccounted, 0)
}

const shortOf = (one: Judgement | null): string =>
  one === null
    ? 'none'
    : `${one.acknowledged} acknowledged, ${one.droppable + one.sentAgain + one.unexplained.length} of them twice`
