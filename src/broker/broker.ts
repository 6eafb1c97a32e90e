import { randomInt } from 'node:crypto'
import type { Message } from '../contract/message.ts'
import type { BrokerReport } from '../telemetry/report.ts'
import { anonymous } from './access/anonymous.ts'
import { prepareWish } from './auto-wish.ts'
import { Clients } from './clients.ts'
import { Reason } from './codec/reason.ts'
import { Connection } from './connection.ts'
import type { BrokerContext } from './context.ts'
import { Counters, type DropReason } from './counters.ts'
import { Delayed, defaultDelayed } from './delayed.ts'
import { type BrokerEvents, noEvents } from './events.ts'
import { packetHandlers } from './handlers/handlers.ts'
import { type BrokerLimits, defaultLimits } from './limits.ts'
import type { Visitor } from './listener/gate.ts'
import type { Listener, ListenerOptions } from './listener/listener.ts'
import { openListener } from './listener/open-listener.ts'
import { type BrokerOptions, noFlow } from './options.ts'
import type { Link } from './output/link.ts'
import { Pacing } from './output/pacing.ts'
import { Turn } from './output/turn.ts'
import type { PacketHandlers } from './packet-handlers.ts'
import { type AckWaiter, Verdict } from './port.ts'
import { Delivery } from './router/delivery.ts'
import { Retained } from './router/retained.ts'
import { Rewriter } from './router/rewriter.ts'
import { route } from './router/route.ts'
import { Router } from './router/router.ts'
import { defaultSubscriptions } from './router/share-strategy.ts'
import { wayOf, waysOf } from './router/way.ts'
import { Parcel } from './session/parcel.ts'
import type { Session } from './session/session.ts'
import { Sessions } from './session/sessions.ts'
import { SystemTopics } from './system-topics.ts'
import { TimingWheel } from './timing-wheel.ts'

const tickMs = 250
/** How long `stop` lets clients take the good-bye. */
const patienceMs = 500
/** Until a delayed message that the flow could not take is tried again. */
const retryMs = 1000

/**
 * The MQTT broker: takes packets of clients in, asks the flow about each message, hands it to its subscribers, and
 * answers the publisher when the flow says so.
 *
 * It promises that a publish is acknowledged only on the flow's word, that answers keep the order of the publishes,
 * that no client can harm another's connection or make memory grow without end. It keeps sessions and retained
 * messages in memory; it does not store, match rules or know connectors (`port.ts` is its door to them).
 *
 * `listener/` has the ports, `connection` one client; `codec/` bytes and packets; `handlers/` what each packet does;
 * `session/` what outlives a connection; `router/` who gets what; `output/` how little is written how seldom;
 * `access/` who may; `limits` what bounds it all.
 */
export class Broker {
  readonly limits: BrokerLimits
  /** Acting for clients. */
  readonly clients: Clients
  readonly #context: BrokerContext
  readonly #handlers: PacketHandlers<Connection>
  readonly #connections = new Set<Connection>()
  readonly #parcels: Parcel[] = []
  readonly #options: { readonly sharesReadBuffer: boolean; readonly certificateWatchMs: number }
  #listeners: Listener[] = []
  #system: SystemTopics | null = null
  #timer: NodeJS.Timeout | null = null
  /** Nobody is answered about a will or a delayed message, and nobody sends it again: one not taken is lost. */
  readonly #unanswered: AckWaiter = {
    settle: (_, error) => {
      if (error !== null && error.retry !== 'never') this.countLost(1)
    },
  }

  constructor(options: BrokerOptions = {}) {
    const { flow = noFlow, access = anonymous, cameBack = () => false, now = Date.now, events = noEvents } = options
    const { sharesReadBuffer = true, certificateWatchMs = 5_000 } = options
    this.#options = { sharesReadBuffer, certificateWatchMs }
    this.limits = { ...defaultLimits, ...options.limits }
    const counters = new Counters()
    const wheel = new TimingWheel(now(), tickMs)
    const world = { limits: this.limits, counters, wheel, now }
    const subscriptions = { ...defaultSubscriptions, ...options.subscriptions }
    const router = new Router(flow, this.limits, randomInt(2 ** 31), subscriptions)
    const sessions = new Sessions(world, {
      unsubscribeAll: (session) => router.unsubscribeAll(session),
      publishWill: (session, message) => this.#publishWill(session, message),
    })
    const delivery = new Delivery(counters)
    const retained = new Retained(this.limits, counters)
    const turn = new Turn()
    const pacing = new Pacing(turn, this.limits.latencyBudgetUs / 1000)
    pacing.storing = options.storing ?? null
    const { rewrite = [], autoSubscriptions: wishes = [], delayed: bounds = defaultDelayed } = options
    const rewriter = rewrite.length === 0 ? null : new Rewriter(rewrite)
    const delayed = bounds === null ? null : new Delayed(bounds, counters, now, (message) => this.#release(message))
    router.peerMode = options.peerToPeer ?? 'off'
    router.hasWay = waysOf({ delayed, rewriter })
    const topics = { rewriter, delayed, autoWishes: wishes.map(prepareWish) }
    const rooms = { flow, turn, pacing, router, delivery, retained, sessions }
    const tell: BrokerEvents = (level, event, facts) => {
      events(level, event, facts)
      this.#system?.onEvent(level, event, facts)
    }
    this.#context = { ...world, events: tell, access, cameBack, ...rooms, ...topics }
    this.clients = new Clients(this.#context)
    if (options.systemTopics) {
      this.#system = new SystemTopics(options.systemTopics, this.#context, (message) => this.#tell(message))
    }
    this.#handlers = packetHandlers(this.#context, (connection) => this.#onGone(connection))
  }

  /** Opens a listener and answers its port. *Errors*: E110, E901. */
  async listen(options: ListenerOptions): Promise<number> {
    const { limits, events, now } = this.#context
    const { certificateWatchMs, sharesReadBuffer: mayShare } = this.#options
    const accept = (link: Link, visitor: Visitor) => this.#accept(link, visitor)
    const listener = await openListener(options, { accept, limits, events, now, mayShare, certificateWatchMs })
    this.#listeners.push(listener)
    this.#timer ??= setInterval(() => this.tick(), tickMs).unref()
    return listener.port
  }

  /** Reads the certificates of all listeners anew; nobody is dropped. *Errors*: E110; that listener keeps its old ones. */
  async reloadCertificates(): Promise<void> {
    for (const listener of this.#listeners) await listener.reload()
  }

  /** Ends everything: no new clients, a good-bye to those that are there. */
  async stop(): Promise<void> {
    const { delayed, events } = this.#context
    if (delayed !== null && delayed.count > 0) events('warn', 'delayed.lost', { messages: delayed.count })
    delayed?.close()
    const closing = this.#listeners.map((listener) => listener.close())
    this.#listeners = []
    const connections = [...this.#connections]
    for (const connection of connections) {
      connection.disconnect(Reason.ServerShuttingDown, 'the hub is shutting down')
    }
    const patience = setTimeout(() => {
      for (const { link } of connections) link.destroy()
    }, patienceMs)
    await Promise.all(closing)
    clearTimeout(patience)
    // Till here it ticked: sockets that linger after their end are closed by the wheel.
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  /** Lets time pass: keep-alives, expiries, delays. The broker's own timer calls it; tests may. */
  tick(): void {
    const nowMs = this.#context.now()
    this.#context.wheel.advance(nowMs)
    this.#context.counters.sample(nowMs)
    this.#system?.tick(nowMs)
    for (const listener of this.#listeners) listener.tick(nowMs)
  }

  /**
   * Routes a message to its subscribers, past the flow: for what rules publish. Answers how many have it. Bytes of
   * `message` are copied where they are kept.
   */
  publish(message: Message): number {
    return this.#publish(message, null)
  }

  #publish(message: Message, publisher: Session | null): number {
    const { router, counters } = this.#context
    counters.received++
    const entry = router.lookup(message.topic)
    const parcel = this.#parcels.pop() ?? new Parcel()
    parcel.ofMessage(message)
    const count = route(this.#context, parcel, entry, publisher)
    this.#parcels.push(parcel)
    return count
  }

  /**
   * The whole way of a message that did not come from a client of ours: the API, a source. What the flow takes is
   * routed. `waiter` as in `PublishFlow.take`; it hears `settle` only after Pending and RefusedPending.
   */
  accept(message: Message, waiter: AckWaiter | null, token: number): Verdict {
    return this.#take(message, waiter, token, null)
  }

  #take(message: Message, waiter: AckWaiter | null, token: number, publisher: Session | null): Verdict {
    const { router, flow } = this.#context
    const { rules } = router.lookup(message.topic)
    const verdict = rules === null ? Verdict.Accepted : flow.take(message, rules, waiter, token)
    if (verdict === Verdict.Accepted || verdict === Verdict.Pending) this.#publish(message, publisher)
    else if (verdict === Verdict.Busy && publisher === null && (waiter === null || waiter === this.#unanswered))
      this.countLost(1)
    return verdict
  }

  /** Counts messages of which nobody will hear that the journal could not be written. */
  countLost(messages: number): void {
    this.countDropped('journal', messages)
  }

  countDropped(reason: DropReason, messages: number): void {
    this.#context.counters.dropped[reason] += messages
  }

  /**
   * Calls back with each message under the filter. The message is valid during the call; its payload may be a view
   * into a read buffer. Call the answer to end it.
   */
  subscribe(filter: string, callback: (message: Message) => void): () => void {
    return this.#context.router.listen(filter, (message) => {
      try {
        callback(message)
      } catch (fault) {
        // The publisher and the other receivers are not to blame.
        this.#context.events('error', 'hub.fault', { where: 'subscriber', filter, fault })
      }
    })
  }

  report(): BrokerReport {
    const { counters, sessions, router } = this.#context
    const { receivedPerS, sentPerS } = counters.rates(this.#context.now())
    const dropped = Object.entries(counters.dropped).filter(([, count]) => count > 0)
    return {
      connections: counters.connections,
      sessions: sessions.count,
      subscriptions: router.subscriptionCount,
      receivedPerS,
      sentPerS,
      received: counters.received,
      sent: counters.sent,
      dropped: Object.fromEntries(dropped),
    }
  }

  #accept(link: Link, visitor: Visitor): Connection | null {
    const { counters, events } = this.#context
    if (counters.connections >= this.limits.maxConnections) {
      events('warn', 'client.too-many', {
        listener: visitor.gate.name,
        of: 'connections of the hub',
        limit: this.limits.maxConnections,
      })
      return null
    }
    counters.connections++
    const connection = new Connection(link, this.#context, this.#handlers, visitor)
    this.#connections.add(connection)
    return connection
  }

  #onGone(connection: Connection): void {
    this.#connections.delete(connection)
    this.#context.counters.connections--
    const { session, testament } = connection
    if (session !== null) this.#context.sessions.leave(session, connection, testament)
  }

  /** A will takes the way of any publish: its topic is rewritten, access asked, then the flow. */
  #publishWill(session: Session, will: Message): void {
    const { access, counters, now, router, delayed } = this.#context
    const who = { clientId: session.clientId, username: session.username }
    const way = router.lookup(will.topic).hasWay ? wayOf(this.#context, will.topic, who) : null
    const message = { ...will, topic: way?.topic ?? will.topic, timeMs: now() }
    if (!access.mayPublish(who, message.topic)) counters.dropped['not-authorised']++
    else if (way !== null && way.fault !== null) counters.dropped.invalid++
    else if (way === null || way.delayMs < 0 || delayed === null) this.#acceptUnanswered(message, null)
    else if (!delayed.hold(message, way.delayMs)) {
      if (delayed.options.whenFull === 'publish_now') this.#acceptUnanswered(message, null)
      else counters.dropped['queue-full']++
    }
  }

  /** The time of a delayed message has come. What is not taken now is tried again: its publisher was answered. */
  #release(message: Message): void {
    const { sessions, delayed } = this.#context
    const verdict = this.#acceptUnanswered(message, sessions.find(message.client))
    if (verdict === Verdict.Busy && !delayed!.hold(message, retryMs)) this.countLost(1)
  }

  /** What the hub says of itself is none of the messages it counts. */
  #tell(message: Message): void {
    const verdict = this.#acceptUnanswered(message, null)
    if (verdict === Verdict.Accepted || verdict === Verdict.Pending) this.#context.counters.received--
  }

  #acceptUnanswered(message: Message, publisher: Session | null): Verdict {
    return this.#take(message, message.qos === 0 ? null : this.#unanswered, 0, publisher)
  }
}
