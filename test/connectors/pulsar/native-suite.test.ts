import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { loadLibrary } from '../../../connectors/pulsar/native/library.ts'
import { NativePulsarSink } from '../../../connectors/pulsar/native/sink.ts'
import { NativePulsarSource } from '../../../connectors/pulsar/native/source.ts'
import { pulsarOptions } from '../../../connectors/pulsar/options.ts'
import { pulsarSourceOptions } from '../../../connectors/pulsar/source-options.ts'
import { need, type PulsarServer, startPulsar } from '../../services/index.ts'
import { sinkSuite } from '../../suites/sink.ts'
import { sourceSuite } from '../../suites/source.ts'
import { connectorContext } from '../../support/delivery.ts'
import { sendWithJava } from './java-producer.ts'
import { readWithJava } from './java-reader.ts'
import { contextFor, makeTopic, statsOf } from './source-bench.ts'

/** The suites of the built-in client for the native one, where its library has been added; else why not. */
const skip = (await need('pulsar')) || (await missingLibrary())
let server: PulsarServer
let topics = 0

async function missingLibrary(): Promise<false | string> {
  try {
    await loadLibrary()
    return false
  } catch (error) {
    return `needs a library that is not here: ${(error as Error).message}`
  }
}

if (skip === false) {
  before(async () => {
    server = await startPulsar({ webSocket: true, batchIndexAck: true })
  })
  after(() => server?.stop())
}

sinkSuite('Pulsar by its native driver', {
  skip,
  async make() {
    const topic = `native-sink-${++topics}`
    await makeTopic(server, topic, 3)
    const folder = await mkdtemp(join(tmpdir(), 'trestle-pulsar-native-'))
    const options = pulsarOptions({ servers: [server.url], topic, driver: 'native' })
    const again = (): NativePulsarSink => new NativePulsarSink(options, connectorContext(folder))
    return {
      sink: again(),
      again,
      async readBack() {
        const read = await readWithJava(server, topic)
        return read.map(({ key, payload, properties }) => ({ id: properties['trestle-id']!, key, value: payload }))
      },
      stop: () => rm(folder, { recursive: true }),
    }
  },
})

sourceSuite('Pulsar by its native driver', {
  skip,
  maxUnsettled: 100,
  async make() {
    const topic = `native-source-${++topics}`
    await makeTopic(server, topic)
    await server.admin(`/persistent/public/default/${topic}/subscription/s`, 'PUT')
    const context = await contextFor('pulsar')
    const options = pulsarOptions({ servers: [server.url], driver: 'native' })
    const source = { topics: [topic], subscription: 's', publish: 'from/${topic}', max_unsettled: 100 }
    return {
      make: () => new NativePulsarSource(options, pulsarSourceOptions(source), context),
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
