import { after, before } from 'node:test'
import { pulsarOptions } from '../../../connectors/pulsar/options.ts'
import { PulsarSource } from '../../../connectors/pulsar/source.ts'
import { pulsarSourceOptions } from '../../../connectors/pulsar/source-options.ts'
import { need, type PulsarServer, startPulsar } from '../../services/index.ts'
import { sourceSuite } from '../../suites/source.ts'
import { sendWithJava } from './java-producer.ts'
import { contextFor, makeTopic, statsOf } from './source-bench.ts'

const skip = await need('pulsar')
let server: PulsarServer
let topics = 0

if (skip === false) {
  before(async () => {
    server = await startPulsar({ webSocket: true, batchIndexAck: true })
  })
  after(() => server?.stop())
}

sourceSuite('Pulsar', {
  skip,
  maxUnsettled: 100,
  async make() {
    const topic = `suite-${++topics}`
    await makeTopic(server, topic)
    // So that nothing that is put in before the first source is passed over.
    await server.admin(`/persistent/public/default/${topic}/subscription/s`, 'PUT')
    const context = await contextFor('pulsar')
    const source = { topics: [topic], subscription: 's', publish: 'from/${topic}', max_unsettled: 100 }
    return {
      make: () => new PulsarSource(pulsarOptions({ servers: [server.url] }), pulsarSourceOptions(source), context),
      put: (records) =>
        sendWithJava(
          server,
          topic,
          records.map(({ key, value, headers }) => ({
            key,
            payload: value,
            properties: Object.fromEntries(headers.map(([name, text]) => [name, String(text)])),
          })),
        ),
      unacknowledged: async () => (await statsOf(server, topic))?.msgBacklog ?? -1,
      async stop() {
        await server.admin(`/persistent/public/default/${topic}?force=true`, 'DELETE')
      },
    }
  },
})
