/** A child process for the tests: writes deliveries in batches for ever and prints the last confirmed position. */
import { fileOptions } from '../../../connectors/file/options.ts'
import { FileSink } from '../../../connectors/file/sink.ts'
import { connectorContext, deliveries } from '../../support/delivery.ts'

const [folder, confirmed, more = '{}'] = process.argv.slice(2)
const sink = new FileSink(
  fileOptions({ path: folder, rotate_size_bytes: 20_000, sync: false, ...JSON.parse(more) }),
  connectorContext('/none'),
)
await sink.open()
const make = deliveries()
for (let skip = Math.max(0, Number(confirmed) - 20); skip > 0; skip--) make()
for (;;) {
  const batch = Array.from({ length: 7 }, (_, at) => make({ target: at === 3 ? 'other' : null }))
  const receipts = await sink.deliver(batch)
  if (receipts.some(({ outcome }) => outcome !== 'delivered')) throw receipts.find(({ error }) => error)?.error
  console.log(batch.at(-1)!.position)
}
