/**
 * A child process for the tests: publishes deliveries of QoS 2 in batches for ever. Like the hub it keeps a cursor, which
 * lags behind what is confirmed; from there it begins again after it was killed.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mqttOptions } from '../../../connectors/mqtt/options.ts'
import { MqttSink } from '../../../connectors/mqtt/sink.ts'
import { connectorContext, deliveries } from '../../support/delivery.ts'

const [folder = '', port = '', version = '', last = ''] = process.argv.slice(2)
const cursorFile = join(folder, 'cursor')
const options = mqttOptions({ server: `mqtt://127.0.0.1:${port}`, version, qos: 2, connections: 2 })
const sink = new MqttSink(options, connectorContext(folder))
const make = deliveries()
let made = 0
const next = () => {
  made++
  return make({ payload: String(made), target: `crash/${made % 5}`, orderKey: `key-${made % 5}` })
}
while (made < readCursor()) next()
await sink.open()
const confirmed: number[] = []
while (made < Number(last)) {
  const batch = Array.from({ length: Math.min(30, Number(last) - made) }, next)
  const receipts = await sink.deliver(batch)
  const wrong = receipts.find(({ outcome }) => outcome !== 'delivered')
  if (wrong !== undefined) throw wrong.error
  confirmed.push(made)
  // Three batches late, as a cursor on disk is.
  writeFileSync(cursorFile, String(confirmed.at(-4) ?? readCursor()))
  console.log(made)
}
await sink.close()

function readCursor(): number {
  try {
    return Number(readFileSync(cursorFile, 'utf8'))
  } catch {
    // The first start has none.
    return 0
  }
}
