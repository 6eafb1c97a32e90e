import type { Message } from '../contract/message.ts'
import { topicNameFault } from '../topic/name.ts'
import type { BrokerContext } from './context.ts'
import type { BrokerEvents } from './events.ts'

/** What the broker says of itself below `$SYS`. */
export interface SystemTopicOptions {
  /** The hub's name in `$SYS/brokers/{node}/…`. */
  readonly node: string
  readonly version: string
  /** How often figures are published. *Unit*: ms. */
  readonly intervalMs: number
}

/** Events of clients by the names of the log, and their last level. */
const told: Readonly<Record<string, string>> = {
  'client.connected': 'connected',
  'client.disconnected': 'disconnected',
}

/**
 * The topics below `$SYS`, by the names that Mosquitto (`$SYS/broker/…`, retained, one figure each) and RMQTT
 * (`$SYS/brokers/{node}/…`, JSON) have for them. Of what Mosquitto counts it has the figures this broker counts too: messages,
 * not packets of other kinds nor bytes. Clients that come and go are told only while somebody listens.
 */
export class SystemTopics {
  readonly #options: SystemTopicOptions
  readonly #context: BrokerContext
  readonly #publish: (message: Message) => void
  readonly #startedMs: number
  readonly #last = new Map<string, string>()
  #dueMs: number
  #maxConnections = 0

  constructor(options: SystemTopicOptions, context: BrokerContext, publish: (message: Message) => void) {
    this.#options = options
    this.#context = context
    this.#publish = publish
    this.#startedMs = context.now()
    this.#dueMs = this.#startedMs
  }

  /** Publishes the figures when their time has come. */
  tick(nowMs: number): void {
    const { connections } = this.#context.counters
    if (connections > this.#maxConnections) this.#maxConnections = connections
    if (nowMs < this.#dueMs) return
    this.#dueMs = nowMs + this.#options.intervalMs
    for (const [topic, text] of this.#figures(nowMs)) {
      // As Mosquitto does: what is the same is not told again, as it is retained.
      if (this.#last.get(topic) === text) continue
      this.#last.set(topic, text)
      this.#tell(`$SYS/broker/${topic}`, text, true)
    }
    const { stats, metrics } = this.#json()
    const below = `$SYS/brokers/${this.#options.node}`
    this.#tellIfWanted(`${below}/stats`, () => stats)
    this.#tellIfWanted(`${below}/metrics`, () => metrics)
  }

  /** Tells of clients that come and go. */
  readonly onEvent: BrokerEvents = (_level, event, facts) => {
    const what = told[event]
    if (what === undefined || typeof facts?.['client'] !== 'string') return
    const topic = `$SYS/brokers/${this.#options.node}/clients/${facts['client']}/${what}`
    const { client, ...rest } = facts
    this.#tellIfWanted(topic, () => ({ clientid: client, ...rest, time: this.#context.now() }))
  }

  #figures(nowMs: number): [string, string][] {
    const { counters, sessions, router, retained } = this.#context
    const dropped = Object.values(counters.dropped).reduce((sum, count) => sum + count, 0)
    const figures: [string, number][] = [
      ['clients/total', sessions.count],
      ['clients/connected', counters.connections],
      ['clients/active', counters.connections],
      ['clients/disconnected', Math.max(0, sessions.count - counters.connections)],
      ['clients/inactive', Math.max(0, sessions.count - counters.connections)],
      ['clients/maximum', this.#maxConnections],
      ['publish/messages/received', counters.received],
      ['publish/messages/sent', counters.sent],
      ['publish/messages/dropped', dropped],
      ['retained messages/count', retained.count],
      ['subscriptions/count', router.subscriptionCount],
      ['shared_subscriptions/count', router.sharedCount],
      ['store/messages/bytes', counters.queuedBytes + retained.bytes],
    ]
    return [
      ['version', `trestle version ${this.#options.version}`],
      ['uptime', `${Math.floor((nowMs - this.#startedMs) / 1000)} seconds`],
      ...figures.map(([topic, value]): [string, string] => [topic, String(value)]),
    ]
  }

  #json() {
    const { counters, sessions, router, retained, delayed } = this.#context
    return {
      stats: {
        'connections.count': counters.connections,
        'connections.max': this.#maxConnections,
        'sessions.count': sessions.count,
        'subscriptions.count': router.subscriptionCount,
        'subscriptions_shared.count': router.sharedCount,
        'retained.count': retained.count,
        'delayed_publishs.count': delayed?.count ?? 0,
      },
      metrics: {
        'messages.publish': counters.received,
        'messages.delivered': counters.sent,
        'messages.dropped': Object.values(counters.dropped).reduce((sum, count) => sum + count, 0),
        ...Object.fromEntries(
          Object.entries(counters.dropped).map(([why, count]) => [`messages.dropped.${why}`, count]),
        ),
      },
    }
  }

  /** Nothing is made of what nobody wants: clients come and go by the thousand. */
  #tellIfWanted(topic: string, facts: () => object): void {
    const { router, flow } = this.#context
    if (topicNameFault(topic) !== null || (!router.isWanted(topic) && flow.lookup(topic) === null)) return
    this.#tell(topic, JSON.stringify(facts()), false)
  }

  #tell(topic: string, text: string, retain: boolean): void {
    const payload = Buffer.from(text)
    const timeMs = this.#context.now()
    this.#publish({
      topic,
      payload,
      qos: 1,
      retain,
      properties: null,
      client: '$SYS',
      username: null,
      source: null,
      timeMs,
    })
  }
}
