import type { ServerResponse } from 'node:http'
import { TrestleError } from '../contract/error.ts'
import type { Message } from '../contract/message.ts'
import type { Events } from '../telemetry/events.ts'
import { messageView } from './message-view.ts'
import type { HubPort } from './port.ts'

export interface LiveOptions {
  hub: Pick<HubPort, 'subscribe'>
  events: Pick<Events, 'emit'>
  maxSubscribers?: number
  maxSubscriberBytes?: number
}

/** A comment so often, so that both ends notice a connection that is gone. */
const heartbeatMs = 15_000
/** What a cut-off subscriber is given to read why. */
const lingerMs = 2000

/**
 * Server-sent events: live messages to whoever reads them.
 *
 * It promises that a reader costs at most `maxSubscriberBytes`: whoever is further behind is told so and cut off,
 * because messages left out in silence would be a lie. It is no queue; a subscriber that must not miss a message
 * uses MQTT.
 */
export class Live {
  readonly #options: LiveOptions
  readonly #readers = new Set<Reader>()

  constructor(options: LiveOptions) {
    this.#options = options
  }

  /** Answers `response` with the messages of `filter` until either side ends. *Errors*: E405, E406 before any byte is sent. */
  add(filter: string, response: ServerResponse): void {
    if (this.#readers.size >= (this.#options.maxSubscribers ?? 32)) {
      throw new TrestleError('E406', `there are already ${this.#readers.size} live subscribers`, {
        detail: { advice: 'end one of them, or subscribe over MQTT' },
      })
    }
    const reader = new Reader(response, this.#options.maxSubscriberBytes ?? 4 * 1024 * 1024, (behind) => {
      this.#readers.delete(reader)
      if (behind) this.#options.events.emit('api.subscriber-too-slow', { filter })
    })
    const unsubscribe = this.#options.hub.subscribe(filter, (message) => reader.take(message))
    this.#readers.add(reader)
    reader.open(filter, unsubscribe)
  }

  /** Ends every reader. */
  stop(): void {
    for (const reader of this.#readers) reader.end('end', { reason: 'hub is shutting down' })
  }
}

class Reader {
  readonly #response: ServerResponse
  readonly #maxBytes: number
  readonly #onEnd: (behind: boolean) => void
  #unsubscribe: () => void = () => undefined
  #heartbeat: NodeJS.Timeout | undefined
  #gathered: string[] = []
  #gatheredBytes = 0
  #ended = false

  constructor(response: ServerResponse, maxBytes: number, onEnd: (behind: boolean) => void) {
    this.#response = response
    this.#maxBytes = maxBytes
    this.#onEnd = onEnd
  }

  open(filter: string, unsubscribe: () => void): void {
    this.#unsubscribe = unsubscribe
    this.#response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    this.#response.on('close', () => this.#finish(false))
    this.#response.on('error', () => this.#finish(false))
    this.#response.write(frame('subscribed', { filter }))
    this.#heartbeat = setInterval(() => this.#response.write(': still here\n\n'), heartbeatMs)
    this.#heartbeat.unref()
  }

  take(message: Message): void {
    if (this.#ended) return
    const text = frame('message', messageView(message))
    // One write per loop turn, however many messages it brought.
    if (this.#gathered.length === 0) setImmediate(() => this.#flush())
    this.#gathered.push(text)
    this.#gatheredBytes += text.length
    if (this.#gatheredBytes + this.#response.writableLength <= this.#maxBytes) return
    this.#gathered = []
    this.end('too-slow', { reason: `more than ${this.#maxBytes} bytes were waiting to be read` }, true)
  }

  end(event: string, facts: object, behind = false): void {
    if (this.#ended) return
    this.#flush()
    this.#finish(behind)
    this.#response.end(frame(event, facts))
    setTimeout(() => this.#response.destroy(), lingerMs).unref()
  }

  #flush(): void {
    if (this.#ended || this.#gathered.length === 0) return
    this.#response.write(this.#gathered.join(''))
    this.#gathered = []
    this.#gatheredBytes = 0
  }

  #finish(behind: boolean): void {
    if (this.#ended) return
    this.#ended = true
    clearInterval(this.#heartbeat)
    this.#unsubscribe()
    this.#onEnd(behind)
  }
}

const frame = (event: string, data: object) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
