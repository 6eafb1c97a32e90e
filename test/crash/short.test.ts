import assert from 'node:assert/strict'
import test from 'node:test'
import { need } from '../services/need.ts'
import { runCrash } from './crash-run.ts'

test('A1 A3 A4: the hub is killed 6 times and Kafka once under load, and no acknowledged message is lost, doubled or out of order', {
  skip: await need('kafka'),
}, async () => {
  const result = await runCrash({ hubKills: 6, kafkaKills: 1, kafkaAwayMs: 3000, rate: 5000, publishers: 20 })
  for (const [sink, outcome] of Object.entries({ kafka: result.kafka, file: result.file })) {
    assert.deepEqual(outcome.lost.slice(0, 5), [], `${sink}: acknowledged and lost`)
    assert.deepEqual(outcome.outOfOrder.slice(0, 5), [], `${sink}: out of order`)
    assert.deepEqual(outcome.unexplained.slice(0, 5), [], `${sink}: doubled under another identity`)
    assert.ok(outcome.acknowledged > 5000, `${sink}: only ${outcome.acknowledged} acknowledged`)
  }
  assert.equal(result.file.droppable, 0, 'the file has a line twice')
  assert.equal(result.kafka.droppable, 0, 'Kafka has a record twice')
  assert.equal(result.unaccounted, 0)
})
