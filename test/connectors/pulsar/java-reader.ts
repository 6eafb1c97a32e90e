import type { PulsarServer } from '../../services/index.ts'

/** A message as Java's client reads it. */
export interface JavaMessageRead {
  readonly payload: string
  readonly key: string | null
  readonly properties: Readonly<Record<string, string>>
  readonly eventTimeMs: number | null
}

interface Id {
  ledgerId: number
  entryId: number
  batchIndex: number
  batchSize: number
}

/**
 * All that a topic holds, or each of its partitions one after the other, read with the Java client that sits in
 * Pulsar's WebSocket service: eyes that share nothing with our wire. `count` is how many to wait for at least.
 */
export async function readWithJava(server: PulsarServer, topic: string): Promise<JavaMessageRead[]> {
  const path = `/persistent/public/default/${topic}`
  const { partitions } = (await server.admin(`${path}/partitions`)) as { partitions: number }
  const names = partitions === 0 ? [topic] : Array.from({ length: partitions }, (_, at) => `${topic}-partition-${at}`)
  const read: JavaMessageRead[] = []
  for (const name of names) read.push(...(await readOne(server, name)))
  return read
}

async function readOne(server: PulsarServer, topic: string): Promise<JavaMessageRead[]> {
  const answer = await server.web(`/admin/v2/persistent/public/default/${topic}/lastMessageId`)
  // A partition that nothing was written to does not exist yet.
  if (answer.status === 404) return []
  const last = JSON.parse(answer.text) as { ledgerId: number; entryId: number }
  if (last.entryId < 0) return []
  const url = `${server.webUrl.replace('http', 'ws')}/ws/v2/reader/persistent/public/default/${topic}`
  const socket = new WebSocket(`${url}?messageId=earliest&receiverQueueSize=1000`)
  const read: JavaMessageRead[] = []
  await new Promise<void>((settle, fail) => {
    const timer = setTimeout(() => fail(new Error(`${topic} ended after ${read.length} messages`)), 20_000)
    socket.onclose = ({ reason }) => fail(new Error(`closed: ${reason}`))
    socket.onmessage = ({ data }) => {
      const given = JSON.parse(String(data)) as Record<string, unknown>
      read.push(messageOf(given))
      socket.send(JSON.stringify({ messageId: given['messageId'] }))
      const id = idOf(Buffer.from(String(given['messageId']), 'base64'))
      const isLast = id.ledgerId === last.ledgerId && id.entryId === last.entryId && id.batchIndex >= id.batchSize - 1
      if (!isLast) return
      clearTimeout(timer)
      settle()
    }
  })
  socket.onclose = null
  socket.close()
  return read
}

function messageOf(given: Record<string, unknown>): JavaMessageRead {
  const eventTime = given['eventTime']
  return {
    payload: Buffer.from(String(given['payload'] ?? ''), 'base64').toString(),
    key: typeof given['key'] === 'string' ? given['key'] : null,
    properties: (given['properties'] ?? {}) as Record<string, string>,
    eventTimeMs: typeof eventTime === 'string' ? Date.parse(eventTime) : null,
  }
}

/** A message id as Java prints it: protobuf of varints. */
function idOf(bytes: Buffer): Id {
  const fields: number[] = []
  for (let at = 0; at < bytes.length; ) {
    const field = bytes[at++]! >> 3
    let value = 0
    for (let unit = 1; ; unit *= 128) {
      const byte = bytes[at++]!
      value += (byte & 127) * unit
      if (byte < 128) break
    }
    fields[field] = value
  }
  return { ledgerId: fields[1] ?? 0, entryId: fields[2] ?? 0, batchIndex: fields[4] ?? 0, batchSize: fields[6] ?? 1 }
}
