import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Sink } from 'trestle/contract'
import { httpOptions, httpSourceOptions } from '../../../connectors/http/options.ts'
import { HttpSink } from '../../../connectors/http/sink.ts'
import { HttpSource } from '../../../connectors/http/source.ts'
import { freePorts } from '../../services/index.ts'
import { sinkSuite } from '../../suites/sink.ts'
import { sourceSuite } from '../../suites/source.ts'
import { connectorContext } from '../../support/delivery.ts'
import { Receiver } from './receiver.ts'

for (const batch of ['none', 'ndjson'] as const) {
  sinkSuite(batch === 'none' ? 'HTTP' : 'HTTP with batches', {
    withoutKeys: true,
    async make() {
      const receiver = await Receiver.start()
      const options = { url: `${receiver.url}/hook`, batch, body: batch === 'none' ? 'payload' : 'message' }
      const again = (): Sink => new HttpSink(httpOptions(options), connectorContext('/none'))
      return {
        sink: again(),
        again,
        async readBack() {
          if (batch === 'none') {
            return receiver.received.map(({ body, headers }) => ({
              id: String(headers['trestle-id']),
              key: null,
              value: body.toString(),
            }))
          }
          const lines = receiver.texts.flatMap((text) => text.split('\n').filter((line) => line !== ''))
          return lines.map((line) => {
            const { id, payload } = JSON.parse(line) as { id: string; payload: unknown }
            return { id, key: null, value: JSON.stringify(payload) }
          })
        },
        stop: () => receiver.close(),
      }
    },
  })
}

sourceSuite('HTTP', {
  maxUnsettled: 20,
  remembers: false,
  headers: [
    ['mqtt-qos', '2'],
    ['content-type', 'application/json'],
    ['mqtt-response-topic', 'answers/1'],
    ['mqtt-client', 'device-7'],
    ['plant', 'oslo'],
  ],
  async make() {
    const [port] = (await freePorts(1)) as [number]
    const address = `127.0.0.1:${port}`
    const folder = await mkdtemp(join(tmpdir(), 'trestle-http-'))
    let stopped = false
    return {
      make() {
        const source = { path: '/in/{device}', publish: 'in/${path.device}', headers: ['plant'], max_unsettled: 20 }
        return new HttpSource(httpOptions({ listen: { address } }), httpSourceOptions(source), connectorContext(folder))
      },
      // As a sender does it: again until it hears that it is safe.
      async put(records) {
        for (let at = 0; at < records.length; at += 20) {
          const some = records.slice(at, at + 20)
          for (const { headers, key, value } of some) {
            const given = Object.fromEntries(headers.map(([name, header]) => [name, String(header)]))
            for (;;) {
              const answer = await fetch(`http://${address}/in/${key}`, {
                method: 'POST',
                headers: given,
                body: value,
              }).catch(() => null)
              if (stopped || answer?.status === 200) break
              await new Promise((done) => setTimeout(done, 50))
            }
          }
        }
      },
      async stop() {
        stopped = true
        await rm(folder, { recursive: true, force: true })
      },
    }
  },
})
