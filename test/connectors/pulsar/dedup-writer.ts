/**
 * A hub in miniature, to be killed with -9: delivers positions from `from` up to `to` through a sink, and prints
 * `settled N` for each that has its Receipt. Every so often it holds a position back and delivers it after later ones,
 * as retries of a key do.
 *
 *     node dedup-writer.ts URL TOPIC FOLDER FROM TO
 */
import { pulsarOptions } from '../../../connectors/pulsar/options.ts'
import { PulsarSink } from '../../../connectors/pulsar/sink.ts'
import { connectorContext } from '../../support/delivery.ts'
import { deliveryAt } from './delivery-at.ts'

const [url, topic, folder, from, to] = process.argv.slice(2) as [string, string, string, string, string]
const sink = new PulsarSink(pulsarOptions({ servers: [url], topic }), connectorContext(folder))
await sink.open()
const last = Number(to)
let held: number[] = []
let next = Number(from)
while (next <= last || held.length > 0) {
  const positions: number[] = held
  held = []
  const size = 1 + ((next * 7) % 60)
  for (; next <= last && positions.length < size; next++) {
    if (next % 13 === 5) held.push(next)
    else positions.push(next)
  }
  const receipts = await sink.deliver(positions.map((position) => deliveryAt(position)))
  for (const { outcome, error } of receipts) if (outcome !== 'delivered') throw error
  process.stdout.write(positions.map((position) => `settled ${position}\n`).join(''))
}
await sink.close()
