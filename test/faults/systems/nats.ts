import { jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { connectTo, makeStream, readStream } from '../../connectors/nats/nats-reader.ts'
import { need, startNats } from '../../services/index.ts'
import { FaultProxy } from '../../support/fault-proxy.ts'
import { type FarSystem, type RunningSystem, seenIn } from '../far-system.ts'

/** NATS JetStream: acknowledged publishes with message ids, a durable pull consumer. */
export const nats: FarSystem = {
  name: 'nats',
  mayRepeat: false,
  missing: () => need('nats'),
  start,
}

async function start(): Promise<RunningSystem> {
  const server = await startNats()
  const proxy = await FaultProxy.create(server.port)
  for (const name of ['outward', 'inward', 'ab', 'ba'])
    await makeStream(server.address, { name, subjects: [`${name}.>`] })
  let connection: NatsConnection | null = null
  return {
    address: server.address,
    entry: (reads) => ({
      type: 'nats',
      servers: [`127.0.0.1:${proxy.port}`],
      ping_interval_ms: 1000,
      ...(reads === null ? {} : { sources: [{ stream: reads.address, publish: reads.publish }] }),
    }),
    target: (address) => `subject: "${address}.\${device}"`,
    kill: () => server.kill(),
    stopCleanly: () => server.end('SIGTERM'),
    restart: () => server.restart(),
    drop: () => proxy.drop(),
    heal: () => proxy.heal(),
    async put(records) {
      if (connection === null || connection.isClosed())
        connection = await connectTo(server.address, { reconnect: false })
      const stream = jetstream(connection, { timeout: 5000 })
      // Sent on one connection in this order; what is repeated is known by its message id.
      const sent = records.map(({ key, n, value }) => stream.publish(`inward.${key}`, value, { msgID: `${key}-${n}` }))
      await Promise.all(sent)
    },
    readAll: async () =>
      (await readStream(server.address, 'outward')).map(({ data, headers }) =>
        seenIn(data.toString(), headers['trestle-id'] ?? ''),
      ),
    async dispose() {
      await connection?.close()
      await server.stop()
      await proxy.close()
    },
  }
}
