import assert from 'node:assert/strict'
import test from 'node:test'
import { need } from '../services/need.ts'
import { runCrash } from './crash-run.ts'

test('A1 A3 A4: with a Kafka sink in exactly-once mode the hub is killed 4 times and Kafka once, and a reader of committed records sees each once', {
  skip: await need('kafka'),
}, async () => {
  const plan = {
    hubKills: 4,
    kafkaKills: 1,
    kafkaAwayMs: 2000,
    rate: 2000,
    publishers: 10,
    mode: 'exactly-once',
  } as const
  const { kafka, unaccounted } = await runCrash(plan)
  assert.deepEqual(kafka.lost.slice(0, 5), [], 'acknowledged and lost')
  assert.deepEqual(kafka.outOfOrder.slice(0, 5), [], 'out of order')
  assert.deepEqual(kafka.unexplained.slice(0, 5), [], 'doubled under another identity')
  assert.equal(kafka.droppable, 0, 'seen twice')
  assert.ok(kafka.acknowledged > 1500, `only ${kafka.acknowledged} acknowledged`)
  assert.equal(unaccounted, 0)
})
