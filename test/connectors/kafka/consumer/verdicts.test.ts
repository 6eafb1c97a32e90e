import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Question, verdictOn, verdicts } from '../../../../connectors/kafka/consumer/verdicts.ts'

describe('what an error code makes the source do', () => {
  const asked: Question[] = ['find', 'join', 'sync', 'heartbeat', 'commit', 'stored', 'leave']

  test('is said for every question, and what is not foreseen gives up', () => {
    for (const code of Object.keys(verdicts).map(Number)) {
      for (const question of asked) assert.ok(verdictOn(question, code), `${question} ${code}`)
    }
    for (const question of asked) assert.equal(verdictOn(question, 30), 'give-up')
  })

  test('keeps the membership where the group knows it, and begins anew where it does not', () => {
    for (const question of ['join', 'sync', 'heartbeat'] as const) {
      assert.equal(verdictOn(question, 25), 'anew')
      assert.equal(verdictOn(question, 22), 'anew')
      assert.equal(verdictOn(question, 16), 'find')
      assert.equal(verdictOn(question, 82), 'give-up', 'two hubs with one instance id must not take turns')
    }
    assert.equal(verdictOn('sync', 27), 'rejoin')
    assert.equal(verdictOn('heartbeat', 27), 'rejoin')
  })
})
