import { AckPolicy, DeliverPolicy, type StreamInfo } from '@nats-io/jetstream'
import { createInbox, type Msg } from '@nats-io/transport-node'
import type { Delivery, Header } from 'trestle/contract'
import type { NatsClient } from './client.ts'
import { fromThrown } from './errors.ts'
import { readWireHeaders } from './headers.ts'
import type { NatsOptions } from './options.ts'
import { Stored } from './publish-ack.ts'

/**
 * What of this hub is at the end of a stream. The server knows a message id only for its duplicate window; a hub that was
 * killed with an answer under way, or cut off, and comes back later than that, finds here what it need not send again.
 *
 * It sees what the newest `read_back_count` messages are, whoever wrote them: what is further back is not recognised.
 */
export class ReadBack {
  readonly #found = new Map<string, { timeMs: string; stored: Stored }>()

  /** Reads the headers of the last messages. *Errors*: those of the connection; E603. */
  static async of(client: NatsClient, options: NatsOptions, info: StreamInfo, hub: string): Promise<ReadBack> {
    const back = new ReadBack()
    const { last_seq: last, first_seq: first, messages } = info.state
    const from = Math.max(first, last - options.read_back_count + 1)
    if (messages === 0 || options.read_back_count === 0) return back
    try {
      await readHeaders(client, options, info.config.name, from, (sequence, headers) => {
        const known = new Map(headers as readonly (readonly [string, string])[])
        const id = known.get('trestle-id')
        if (id === undefined || !id.startsWith(`${hub}-`)) return
        back.#found.set(id, { timeMs: known.get('mqtt-time') ?? '', stored: new Stored(info.config.name, sequence) })
      })
    } catch (thrown) {
      throw fromThrown(thrown, `stream ${info.config.name}`)
    }
    return back
  }

  get size(): number {
    return this.#found.size
  }

  /**
   * Where a delivery is stored already; null when it was not seen. An identity that was given a second time (the data
   * folder was put back from a copy) is told by the time of the message.
   */
  find(delivery: Delivery): Stored | null {
    if (this.#found.size === 0) return null
    const found = this.#found.get(delivery.id)
    if (found === undefined) return null
    return found.timeMs === '' || found.timeMs === String(delivery.message.timeMs) ? found.stored : null
  }
}

type Found = (sequence: number, headers: readonly Header[]) => void

/** Walks the stream from a sequence to its end by a consumer that goes away by itself and asks for headers only. */
async function readHeaders(
  client: NatsClient,
  options: NatsOptions,
  stream: string,
  from: number,
  found: Found,
): Promise<void> {
  const { connection } = client
  const manager = await client.manager()
  const consumer = await manager.consumers.add(stream, {
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: from,
    headers_only: true,
    mem_storage: true,
    inactive_threshold: 30_000_000_000,
  })
  const count = consumer.num_pending
  if (count > 0) {
    const inbox = createInbox(options.inbox_prefix)
    await new Promise<void>((done, fail) => {
      const late = (): void => fail(new Error(`timeout: the end of the stream was not read`))
      const timer = setTimeout(late, options.request_timeout_ms)
      let left = count
      const subscription = connection.subscribe(inbox, {
        callback: (error, message) => {
          if (error === null && message.subject !== inbox) {
            found(sequenceOf(message), readWireHeaders(message))
            left--
          } else if (error === null && message.headers?.code === 100) return
          else left = 0
          if (left > 0) return
          clearTimeout(timer)
          subscription.unsubscribe()
          if (error === null) done()
          else fail(error)
        },
      })
      const ask = { batch: count, expires: options.request_timeout_ms * 1_000_000 }
      connection.publish(`${client.api}.CONSUMER.MSG.NEXT.${stream}.${consumer.name}`, JSON.stringify(ask), {
        reply: inbox,
      })
    })
  }
  await manager.consumers.delete(stream, consumer.name)
}

/** *Shape*: `$JS.ACK.<stream>.<consumer>.<delivered>.<stream sequence>.…`, or two tokens more before. */
export function sequenceOf(message: Msg): number {
  const tokens = (message.reply ?? '').split('.')
  return Number(tokens[tokens.length > 9 ? 7 : 5])
}
