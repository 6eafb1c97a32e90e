import assert from 'node:assert/strict'

/** What nothing that users write may take longer than. *Unit*: ms. */
export const limitMs = 10

/**
 * Runs what is meant to block and takes the best of five runs, in a process that has run it before: a machine under
 * load delays some runs, a bomb delays all of them.
 */
export function defuse<T>(name: string, run: () => T): T {
  let best = Infinity
  let outcome = run()
  for (let round = 0; round < 5 && best > limitMs / 2; round++) {
    const start = performance.now()
    outcome = run()
    best = Math.min(best, performance.now() - start)
  }
  assert.ok(best <= limitMs, `${name} took ${best.toFixed(1)} ms`)
  return outcome
}
