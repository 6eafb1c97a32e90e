import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import mqtt from 'mqtt'
import type { Sink } from 'trestle/contract'
import { mqttOptions } from '../../../connectors/mqtt/options.ts'
import { MqttSink } from '../../../connectors/mqtt/sink.ts'
import { MqttSource } from '../../../connectors/mqtt/source.ts'
import { mqttSourceOptions } from '../../../connectors/mqtt/source-options.ts'
import { type MosquittoServer, need, startMosquitto } from '../../services/index.ts'
import { type ReadBack, sinkSuite } from '../../suites/sink.ts'
import { type PutRecord, sourceSuite } from '../../suites/source.ts'
import { connectorContext } from '../../support/delivery.ts'
import { MosquittoReader } from '../../support/mosquitto-reader.ts'

let server: Promise<MosquittoServer> | null = null
after(async () => (await server)?.stop())
const skip = await need('mosquitto')

let made = 0

for (const [version, qos, connections] of [
  ['5', 1, 1],
  ['5', 2, 3],
  ['3.1.1', 1, 2],
  ['3.1.1', 2, 1],
] as const) {
  sinkSuite(`MQTT ${version} with QoS ${qos} over ${connections}`, {
    skip,
    // In 3.1.1 only the payload can say which message it is.
    payloadOf: (n) => `{"n":${n}}`,
    withoutKeys: true,
    async make() {
      server ??= startMosquitto()
      const { port } = await server
      const root = `suite/${++made}`
      const context = { ...connectorContext(mkdtempSync(join(tmpdir(), 'trestle-mqtt-'))), name: `lake-${made}` }
      const reader = await MosquittoReader.open(port, `${root}/#`)
      const ids = new Map<string, string>()
      const again = (): Sink => {
        const given = { server: `mqtt://127.0.0.1:${port}`, version, qos, connections, prefix: `${root}/` }
        const sink = new MqttSink(mqttOptions(given), context)
        const deliver = sink.deliver.bind(sink)
        sink.deliver = (batch) => {
          for (const { id, payload } of batch) ids.set(Buffer.from(payload).toString(), id)
          return deliver(batch)
        }
        return sink
      }
      return {
        sink: again(),
        again,
        async readBack() {
          await settled(reader)
          return reader.messages.map(({ payload, properties }): ReadBack => {
            const id = properties?.['user-properties']?.['trestle-id'] ?? ids.get(payload)!
            return { id, key: null, value: payload }
          })
        },
        stop: () => reader.close(),
      }
    },
  })
}

/** Until nothing more has come for a while: what is published is on its way to the reader. */
async function settled(reader: MosquittoReader): Promise<void> {
  for (let seen = -1; seen !== reader.messages.length; ) {
    seen = reader.messages.length
    await new Promise((done) => setTimeout(done, 150))
  }
}

for (const [version, qos] of [
  ['5', 1],
  ['5', 2],
  ['3.1.1', 1],
  ['3.1.1', 2],
] as const) {
  sourceSuite(`MQTT ${version} with QoS ${qos}`, {
    skip,
    // MQTT 3.1.1 has no receive maximum: one read brings what it brings.
    maxUnsettled: version === '5' ? 100 : 800,
    withHeaders: version === '5',
    async make() {
      server ??= startMosquitto()
      const { port } = await server
      const root = `source/${++made}`
      const context = { ...connectorContext(mkdtempSync(join(tmpdir(), 'trestle-mqtt-'))), name: `in-${made}` }
      const publisher = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion: 5 })
      return {
        make() {
          const source = { filters: [`${root}/#`], skip_levels: 2, max_unsettled: 100 }
          const options = mqttOptions({ server: `mqtt://127.0.0.1:${port}`, version })
          return new MqttSource(options, mqttSourceOptions(source), context)
        },
        async put(records) {
          await Promise.all(
            records.map((record) =>
              publisher.publishAsync(`${root}/${record.key}`, record.value, { qos, properties: propertiesOf(record) }),
            ),
          )
        },
        stop: () => publisher.endAsync(),
      }
    },
  })
}

/** What MQTT has a property of its own for goes there. */
function propertiesOf({ headers }: PutRecord): object {
  const properties: Record<string, unknown> = {}
  const userProperties: Record<string, string> = {}
  for (const [name, value] of headers) {
    if (name === 'content-type') properties['contentType'] = value
    else if (name === 'mqtt-response-topic') properties['responseTopic'] = value
    else userProperties[name] = String(value)
  }
  // MQTT.js writes a malformed packet for no user properties.
  return Object.keys(userProperties).length === 0 ? properties : { ...properties, userProperties }
}
