import { randomUUID } from 'node:crypto'
import { after } from 'node:test'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { headers as newHeaders } from '@nats-io/transport-node'
import type { Header } from 'trestle/contract'
import { natsOptions } from '../../../connectors/nats/options.ts'
import { NatsSource } from '../../../connectors/nats/source.ts'
import { natsSourceOptions } from '../../../connectors/nats/source-options.ts'
import { type NatsServer, need, startNats } from '../../services/index.ts'
import { sourceSuite } from '../../suites/source.ts'
import { connectorContext } from '../../support/delivery.ts'
import { connectTo, makeStream } from './nats-reader.ts'

let server: Promise<NatsServer> | null = null
after(async () => (await server)?.stop())
const skip = await need('nats')

const sourceOf = (address: string, source: object): NatsSource =>
  new NatsSource(
    natsOptions({ servers: [address] }),
    natsSourceOptions({ publish: '${topic}', max_unsettled: 100, ...source }),
    connectorContext('/none'),
  )

const headersOf = (given: readonly Header[]) => {
  const headers = newHeaders()
  for (const [name, value] of given) headers.append(name, String(value))
  return headers
}

for (const confirm_acks of [false, true]) {
  sourceSuite(`JetStream${confirm_acks ? ', every acknowledgement confirmed,' : ''}`, {
    skip,
    maxUnsettled: 100,
    async make() {
      server ??= startNats()
      const { address } = await server
      const stream = randomUUID()
      await makeStream(address, { name: stream, subjects: [`${stream}.>`] })
      const connection = await connectTo(address)
      const js = jetstream(connection)
      const manager = await jetstreamManager(connection)
      return {
        make: () => sourceOf(address, { stream, durable: 'suite', confirm_acks }),
        async put(records) {
          for (const { key, value, headers } of records)
            await js.publish(`${stream}.${key}`, value, { headers: headersOf(headers) })
        },
        async unacknowledged() {
          const { num_ack_pending, num_pending } = await manager.consumers.info(stream, 'suite')
          return num_ack_pending + num_pending
        },
        stop: () => connection.close(),
      }
    },
  })
}

sourceSuite('a key-value bucket', {
  skip,
  maxUnsettled: 100,
  async make() {
    server ??= startNats()
    const { address } = await server
    const bucket = randomUUID()
    const connection = await connectTo(address)
    const js = jetstream(connection)
    await new Kvm(js).create(bucket, { history: 64 })
    return {
      make: () => sourceOf(address, { mode: 'kv', bucket, deliver: 'all', durable: 'suite' }),
      async put(records) {
        // More values than the history of three keys has room for.
        for (const { key, value, headers } of records)
          await js.publish(`$KV.${bucket}.${key}.${randomUUID()}`, value, { headers: headersOf(headers) })
      },
      stop: () => connection.close(),
    }
  },
})
