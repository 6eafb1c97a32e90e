import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import type { Sink } from 'trestle/contract'
import { pulsarOptions } from '../../../connectors/pulsar/options.ts'
import { PulsarSink } from '../../../connectors/pulsar/sink.ts'
import { need, type PulsarServer, startPulsar } from '../../services/index.ts'
import { sinkSuite } from '../../suites/sink.ts'
import { connectorContext } from '../../support/delivery.ts'
import { readWithJava } from './java-reader.ts'

const skip = await need('pulsar')
let server: PulsarServer
let topics = 0

if (skip === false) {
  before(async () => {
    server = await startPulsar({ webSocket: true })
  })
  after(() => server?.stop())
}

sinkSuite('Pulsar', {
  skip,
  async make() {
    const topic = `sink-suite-${++topics}`
    await server.admin(`/persistent/public/default/${topic}/partitions`, 'PUT', 3)
    const folder = await mkdtemp(join(tmpdir(), 'trestle-pulsar-sink-'))
    const context = connectorContext(folder)
    const again = (): Sink => new PulsarSink(pulsarOptions({ servers: [server.url], topic }), context)
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
