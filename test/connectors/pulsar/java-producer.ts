import { once } from 'node:events'
import type { PulsarServer } from '../../services/index.ts'

/** A message as Java's client shall send it. */
export interface JavaMessage {
  readonly payload: string | Uint8Array
  readonly key?: string
  readonly properties?: Readonly<Record<string, string>>
  readonly eventTimeMs?: number
}

/**
 * Sends messages with the Java client that sits in Pulsar's WebSocket service: an independent producer that makes
 * batches and compresses. Settles when all are confirmed; answers their message ids.
 */
export async function sendWithJava(
  server: PulsarServer,
  topic: string,
  messages: readonly JavaMessage[],
  options: { batch?: number; compression?: 'NONE' | 'LZ4' | 'ZLIB' | 'ZSTD' | 'SNAPPY' } = {},
): Promise<string[]> {
  const { batch = 1, compression = 'NONE' } = options
  const query = new URLSearchParams({ compressionType: compression, messageRoutingMode: 'SinglePartition' })
  query.set('batchingEnabled', String(batch > 1))
  query.set('batchingMaxMessages', String(batch))
  query.set('batchingMaxPublishDelay', '200')
  const url = `${server.webUrl.replace('http', 'ws')}/ws/v2/producer/persistent/public/default/${topic}?${query}`
  const socket = new WebSocket(url)
  await once(socket, 'open')
  const ids: string[] = []
  const done = new Promise<void>((settle, fail) => {
    socket.onmessage = ({ data }) => {
      const answer = JSON.parse(String(data)) as { result: string; messageId?: string; errorMsg?: string }
      if (answer.result !== 'ok') fail(new Error(`${answer.result}: ${answer.errorMsg}`))
      else if (ids.push(answer.messageId ?? '') === messages.length) settle()
    }
    socket.onclose = ({ reason }) => fail(new Error(`closed: ${reason}`))
  })
  for (const { payload, key, properties, eventTimeMs } of messages) {
    const eventTime = eventTimeMs === undefined ? undefined : new Date(eventTimeMs).toISOString()
    const fields = { payload: Buffer.from(payload).toString('base64'), key, properties, eventTime }
    socket.send(JSON.stringify(fields))
  }
  await done
  socket.onclose = null
  socket.close()
  return ids
}
