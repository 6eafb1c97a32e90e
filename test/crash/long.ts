/**
 * `npm run test:crash`: the long form of the crash test. 100 kills of the hub, 10 of Kafka for 3 s, ≥ 5,000 messages/s.
 *
 *     npm run test:crash -- --hub-kills 100 --kafka-kills 10 --rate 6000
 */
import { parseArgs } from 'node:util'
import type { Judgement } from '../support/judge.ts'
import { runCrash } from './crash-run.ts'

const { values } = parseArgs({
  options: {
    'hub-kills': { type: 'string', default: '100' },
    'kafka-kills': { type: 'string', default: '10' },
    rate: { type: 'string', default: '6000' },
  },
})
const result = await runCrash({
  hubKills: Number(values['hub-kills']),
  kafkaKills: Number(values['kafka-kills']),
  kafkaAwayMs: 3000,
  rate: Number(values.rate),
  publishers: 20,
  log: (line) => console.log(line),
})
const row = (sink: string, o: Judgement): Record<string, unknown> => ({
  sink,
  acknowledged: o.acknowledged,
  lost: o.lost.length,
  'out of order': o.outOfOrder.length,
  'twice, droppable by identity': o.droppable,
  'twice, sent again by the publisher': o.sentAgain,
  'twice, unexplained': o.unexplained.length,
})
console.log(
  `${Math.round(result.ratePerS)} messages per second of the hub’s life, ${Math.round(result.seconds)} s in all, unaccounted ${result.unaccounted}`,
)
console.table([row('kafka', result.kafka), row('file', result.file)])
for (const o of [result.kafka, result.file]) {
  for (const list of [o.lost, o.outOfOrder, o.unexplained]) if (list.length > 0) console.log(list.slice(0, 10))
}
const bad = [result.kafka, result.file].some((o) => o.lost.length + o.outOfOrder.length + o.unexplained.length > 0)
process.exit(bad || result.file.droppable > 0 || result.unaccounted !== 0 ? 1 : 0)
