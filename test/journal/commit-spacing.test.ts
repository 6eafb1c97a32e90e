import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommitSpacing } from '../../src/journal/commit-spacing.ts'

const commitMs = 0.15

/**
 * Plays `forMs` of load against the spacing: `arrived(sinceMs)` says how many records come within so long a gathering.
 * Answers what became of it.
 */
function play(spacing: CommitSpacing, fromMs: number, forMs: number, arrived: (sinceMs: number) => number) {
  let now = fromMs
  let last = fromMs
  let commits = 0
  let records = 0
  while (now < fromMs + forMs) {
    now += commitMs
    now += spacing.waitMs(now, 1)
    const count = Math.max(1, Math.round(arrived(now - last)))
    spacing.started(now, count)
    last = now
    commits += 1
    records += count
  }
  return { commits, records, endMs: now }
}

test('many publishers that send a little each are gathered, up to the longest spacing apart', () => {
  const spacing = new CommitSpacing(2)
  const tenPerMs = (sinceMs: number): number => sinceMs * 10
  play(spacing, 0, 400, tenPerMs)
  const { commits } = play(spacing, 400, 1000, tenPerMs)
  assert.ok(commits < 700, `${commits} commits in a second`)
})

test('one publisher that waits for each acknowledgement is never held up', () => {
  const spacing = new CommitSpacing(2)
  const { commits } = play(spacing, 0, 3000, () => 1)
  assert.ok(commits > 19_000, `${commits}`)
})

test('publishers that send only after their acknowledgements lose little to the trials', () => {
  const spacing = new CommitSpacing(2)
  const { commits } = play(spacing, 0, 20_000, () => 10)
  const unspaced = 20_000 / commitMs
  assert.ok(commits > 0.93 * unspaced, `${commits} of ${unspaced}`)
})

test('large commits are not spaced: there is nothing to gain', () => {
  const spacing = new CommitSpacing(2)
  play(spacing, 0, 1000, (sinceMs) => sinceMs * 1000)
  assert.equal(spacing.spaced, false)
})

test('when the load goes, so does the spacing', () => {
  const spacing = new CommitSpacing(2)
  const { endMs } = play(spacing, 0, 400, (sinceMs) => sinceMs * 10)
  assert.equal(spacing.spaced, true)
  play(spacing, endMs, 400, () => 1)
  assert.equal(spacing.spaced, false)
})

test('the first commit after a pause starts at once, and 0 never waits', () => {
  const spacing = new CommitSpacing(2)
  spacing.started(10, 5)
  assert.equal(spacing.waitMs(1000, 1), 0)
  assert.equal(spacing.waitMs(10.1, 1), 0)
  assert.ok(spacing.waitMs(10.1, 0) > 1.8, 'with nobody waiting a commit takes its time')
  assert.equal(new CommitSpacing(0).waitMs(0, 0), 0)
})
