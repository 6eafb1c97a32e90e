import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type JournalEvent, type JournalState, journalStates } from '../../src/journal/journal-state.ts'

const expected: [JournalState, JournalEvent, JournalState][] = [
  ['writing', 'fault', 'failing'],
  ['writing', 'mended', 'writing'],
  ['writing', 'limit', 'full'],
  ['writing', 'room', 'writing'],
  ['failing', 'fault', 'failing'],
  ['failing', 'mended', 'writing'],
  ['failing', 'limit', 'failing'],
  ['failing', 'room', 'failing'],
  ['full', 'fault', 'failing'],
  ['full', 'mended', 'writing'],
  ['full', 'limit', 'full'],
  ['full', 'room', 'writing'],
]

test('every cell of the state table is as the specification draws it', () => {
  for (const [state, event, next] of expected) assert.equal(journalStates[state][event], next, `${state} ${event}`)
  assert.equal(Object.values(journalStates).flatMap((row) => Object.keys(row)).length, expected.length)
})
