import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { need, type PulsarServer, startPulsar } from '../../services/index.ts'
import { freePorts } from '../../services/process.ts'
import { FaultProxy } from '../../support/fault-proxy.ts'
import type { Seen } from '../../support/judge.ts'
import type { FedRecord } from '../../support/stubborn-feeder.ts'
import { type FarSystem, type RunningSystem, seenIn } from '../far-system.ts'

/** Pulsar with deduplication on the broker; on the other side Java's client, by way of its WebSocket service. */
export const pulsar: FarSystem = {
  name: 'pulsar',
  mayRepeat: false,
  missing: () => need('pulsar'),
  start,
}

async function start(): Promise<RunningSystem> {
  const [port] = (await freePorts(1)) as [number]
  const proxy = await FaultProxy.create(port)
  const advertised = { brokerServicePort: port, advertisedListeners: `hub:pulsar://127.0.0.1:${proxy.port}` }
  const server = await startPulsar({ dedup: true, batchIndexAck: true, webSocket: true, properties: advertised })
  for (const topic of ['outward', 'inward', 'ab', 'ba']) {
    await server.admin(`/persistent/public/default/${topic}`, 'PUT')
  }
  // What no subscription waits for is deleted when its ledger is full or the broker starts again.
  await server.admin('/persistent/public/default/outward/subscription/keep', 'PUT', 'earliest')
  const feeder = new JavaFeeder(server)
  return {
    address: server.url.replace('pulsar://', ''),
    entry: (reads) => ({
      type: 'pulsar',
      servers: [`pulsar://127.0.0.1:${proxy.port}`],
      keep_alive_ms: 2000,
      ...(reads === null
        ? {}
        : {
            sources: [
              {
                topics: [reads.address],
                subscription: 'faults',
                initial_position: 'earliest',
                publish: reads.publish,
              },
            ],
          }),
    }),
    target: (address) => `topic: ${address}, key: "\${device}"`,
    kill: () => server.kill(),
    stopCleanly: () => server.shutdown(),
    restart: () => server.restart(),
    drop: () => proxy.drop(),
    heal: () => proxy.heal(),
    put: (records) => feeder.put(records),
    readAll: () => readWithJava(server, 'outward'),
    async dispose() {
      feeder.close()
      await server.stop()
      await proxy.close()
    },
  }
}

const socketUrl = (server: PulsarServer, path: string): string => `${server.webUrl.replace('http', 'ws')}/ws/v2/${path}`

/** One producer of Java's, opened anew after each fault. */
class JavaFeeder {
  readonly #server: PulsarServer
  #socket: WebSocket | null = null

  constructor(server: PulsarServer) {
    this.#server = server
  }

  async put(records: readonly FedRecord[]): Promise<void> {
    const socket = this.#socket ?? (await this.#open())
    try {
      await answers(socket, records.length, () => {
        for (const { key, value } of records) {
          socket.send(JSON.stringify({ key, payload: Buffer.from(value).toString('base64') }))
        }
      })
    } catch (error) {
      this.close()
      throw error
    }
  }

  close(): void {
    this.#socket?.close()
    this.#socket = null
  }

  async #open(): Promise<WebSocket> {
    const query = 'batchingEnabled=true&batchingMaxPublishDelay=5&sendTimeoutMillis=10000'
    const socket = new WebSocket(socketUrl(this.#server, `producer/persistent/public/default/inward?${query}`))
    await once(socket, 'open', { signal: AbortSignal.timeout(10_000) })
    this.#socket = socket
    return socket
  }
}

/** Resolves when so many messages were confirmed; throws on the first that was not. */
function answers(socket: WebSocket, count: number, send: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = count
    const timer = setTimeout(() => reject(new Error('no answer within 15 s')), 15_000)
    const end = (act: () => void): void => {
      clearTimeout(timer)
      act()
    }
    socket.onclose = ({ reason }) => end(() => reject(new Error(`closed: ${reason}`)))
    socket.onmessage = ({ data }) => {
      const { result, errorMsg } = JSON.parse(String(data)) as { result: string; errorMsg?: string }
      if (result !== 'ok') end(() => reject(new Error(`${result}: ${errorMsg}`)))
      else if (--left === 0) end(resolve)
    }
    send()
  })
}

/** A broker that has just come back may take its time, or not take the reader at all. */
async function openReader(server: PulsarServer, topic: string): Promise<WebSocket> {
  for (let tries = 1; ; tries++) {
    const socket = new WebSocket(socketUrl(server, `reader/persistent/public/default/${topic}?messageId=earliest`))
    try {
      await once(socket, 'open', { signal: AbortSignal.timeout(20_000) })
      return socket
    } catch (error) {
      socket.close()
      if (tries === 5) throw error
      await sleep(2000)
    }
  }
}

/** Everything in a topic, in its order, up to the number of messages the broker's statistics name. */
async function readWithJava(server: PulsarServer, topic: string): Promise<Seen[]> {
  const socket = await openReader(server, topic)
  const seen: Seen[] = []
  let lastMs = Date.now()
  socket.onmessage = ({ data }) => {
    const { messageId, payload, properties } = JSON.parse(String(data)) as {
      messageId: string
      payload: string
      properties?: Record<string, string>
    }
    seen.push(seenIn(Buffer.from(payload, 'base64').toString(), properties?.['trestle-id'] ?? ''))
    lastMs = Date.now()
    socket.send(JSON.stringify({ messageId }))
  }
  // The end of a topic is where nothing more comes: its statistics count batches, not messages.
  while (Date.now() - lastMs < 3000) await new Promise((done) => setTimeout(done, 100))
  socket.close()
  return seen
}
