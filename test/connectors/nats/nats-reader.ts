import { randomUUID } from 'node:crypto'
import { AckPolicy, jetstreamManager, StorageType, type StreamConfig } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'

/** A message of a stream, seen through another connection and the server's own interface. */
export interface StreamMessage {
  sequence: number
  subject: string
  headers: Record<string, string>
  data: Buffer
}

/** A connection of the test's own. */
export const connectTo = (address: string, options: object = {}): Promise<NatsConnection> =>
  connect({ servers: address, ...options })

export async function makeStream(address: string, config: Partial<StreamConfig> & { name: string }): Promise<void> {
  const connection = await connectTo(address)
  const manager = await jetstreamManager(connection)
  await manager.streams.add({ storage: StorageType.File, ...config })
  await connection.close()
}

/** Everything in a stream, in its order, by one ordered read. */
export async function readStream(address: string, stream: string): Promise<StreamMessage[]> {
  const connection = await connectTo(address)
  try {
    const manager = await jetstreamManager(connection)
    const { state } = await manager.streams.info(stream)
    if (state.messages === 0) return []
    const name = `reader-${randomUUID()}`
    await manager.consumers.add(stream, { name, ack_policy: AckPolicy.None, inactive_threshold: 10_000_000_000 })
    const consumer = await manager.jetstream().consumers.get(stream, name)
    const read: StreamMessage[] = []
    while (read.length < state.messages) {
      const before = read.length
      const count = Math.min(5000, state.messages - read.length)
      for await (const message of await consumer.fetch({ max_messages: count, expires: 3000 })) {
        const headers: Record<string, string> = {}
        for (const [header, values] of message.headers ?? []) headers[header] = values.join('|')
        read.push({ sequence: message.seq, subject: message.subject, headers, data: Buffer.from(message.data) })
      }
      if (read.length === before) throw new Error(`only ${before} of ${state.messages} messages of ${stream} came`)
    }
    await manager.consumers.delete(stream, name)
    return read
  } finally {
    await connection.close()
  }
}
