import { codes } from '../../contract/codes.ts'
import { TrestleError } from '../../contract/error.ts'
import { hopsProperty } from '../../contract/headers.ts'
import { ProtocolFault } from '../codec/fault.ts'
import { PublishView, readPublishProperties, scanPublish } from '../codec/packets/publish.ts'
import { isReasonOf, Reason } from '../codec/reason.ts'
import type { Connection } from '../connection.ts'
import type { BrokerContext } from '../context.ts'
import { type AckWaiter, type TopicRules, Verdict } from '../port.ts'
import { Rest } from '../rest.ts'
import { route } from '../router/route.ts'
import { Run } from '../router/run.ts'
import type { TopicEntry } from '../router/topic-cache.ts'
import { type Way, wayOf } from '../router/way.ts'
import type { AckKind } from '../session/ack-order.ts'
import { ReceivingAct, ReceivingEvent } from '../session/exchange.ts'
import { Parcel } from '../session/parcel.ts'
import { Deadline } from '../timing-wheel.ts'
import { topicOf } from './publish-topic.ts'

const hopsBytes = Buffer.from(hopsProperty)
/** Fewer bytes of properties hold no list of hubs: name and value behind their lengths. */
const minHopsBytes = hopsBytes.length + 7
const PUBACK = 0x40
const PUBREC = 0x50
/** Until a 3.x client that was not answered is parted from. */
const partMs = 1000

/**
 * The way of a PUBLISH: is it well formed, which topic, may this client, what does the flow say, who gets it, what is
 * answered. The only file that answers a publish.
 */
export class PublishHandler {
  readonly #context: BrokerContext
  readonly #run: Run
  readonly #view = new PublishView()
  readonly #parcel = new Parcel()
  readonly #now: () => number
  /** The message in hand was in this hub before: dropped, and its sender hears that it is dealt with. */
  #isBack = false
  /** Where the topic of the message in hand leads, if it is but a name. */
  #way: Way | null = null
  /** Why the flow has refused the last message it refused. */
  #error: TrestleError | null = null

  constructor(context: BrokerContext) {
    this.#context = context
    this.#now = () => context.now()
    this.#run = new Run(context.delivery, context.counters, context.turn, this.#now)
  }

  handle(connection: Connection, bytes: Buffer, start: number, headerBytes: number, end: number): void {
    const view = this.#view
    const { router, counters } = this.#context
    scanPublish(bytes, start, headerBytes, end, connection.version, view)
    counters.received++
    let entry = connection.lastTopic
    if (entry === null || view.topicAlias !== 0 || !entry.matches(bytes, view.topicStart, view.topicEnd)) {
      entry = topicOf(connection, view, bytes)
    }
    if (!router.isCurrent(entry)) {
      // What was gathered goes by what held when it came.
      this.#run.finish()
      router.refresh(entry)
    }
    if (entry !== connection.lastTopic || connection.accessVersion !== this.#context.access.version) {
      this.#judge(connection, entry)
    }
    this.#isBack = view.propertiesEnd - view.propertiesStart >= minHopsBytes && this.#cameBack(bytes, entry.topic)
    if (
      view.qos === 0 &&
      entry.isPlain &&
      !view.retain &&
      view.topicAlias === 0 &&
      connection.mayPublish &&
      !this.#isBack
    ) {
      const session = connection.session!
      this.#run.add(entry, session, connection.version, bytes, start, end, connection.bytesAreReused)
      return
    }
    this.#run.finish()
    const { clientId, username } = connection.session!
    this.#parcel.ofPacket(entry.topic, bytes, start, view, connection.version, clientId, username, this.#now)
    this.#way = entry.hasWay ? connection.way : null
    if (this.#way !== null) entry = this.#follow(this.#way)
    if (view.qos === 0) this.#atMostOnce(connection, entry)
    else if (view.qos === 1) this.#decide(connection, entry, 1)
    else this.#exactlyOnce(connection, entry)
  }

  /** The entry of the topic that the packet's stands for. */
  #follow(way: Way): TopicEntry {
    if (way.topic !== this.#parcel.topic) this.#parcel.rename(way.topic)
    return this.#context.router.lookup(way.topic)
  }

  /** Whether the message went through this hub before. Asked only where there is room for a list of hubs. */
  #cameBack(bytes: Buffer, topic: string): boolean {
    const view = this.#view
    if (!bytes.subarray(view.propertiesStart, view.propertiesEnd).includes(hopsBytes)) return false
    return this.#context.cameBack(readPublishProperties(bytes, view), topic)
  }

  finishRun(): void {
    this.#run.finish()
  }

  /** Writes the answer to a publish, as far as the client's version can hear it. */
  answer(connection: Connection, kind: AckKind, packetId: number, error: TrestleError | null): void {
    const { session, version } = connection
    if (session === null) return
    // A 3.x client cannot be told. What never can succeed it shall not send again; what may, it shall. Promise A1.
    const isTaken = error === null || (version !== 5 && error.retry === 'never')
    if (kind === 2) session.receiving.on(isTaken ? ReceivingEvent.taken : ReceivingEvent.refused, packetId)
    if (isTaken) connection.sendShort(kind === 1 ? PUBACK : PUBREC, packetId)
    else if (version === 5) {
      const type = kind === 1 ? 'puback' : 'pubrec'
      connection.sendReason(type, packetId, reasonOf(error, type), error.message)
    } else this.#part(connection)
    if (connection.unanswered * 2 < this.#context.limits.receiveMaximum) connection.resume(Rest.answers)
  }

  /**
   * No word of 3.x says "not now". It hears no answer, and as only a new connection makes it send again, it is given
   * cause for one, after a pause that spares a hub in trouble a storm of reconnects.
   */
  #part(connection: Connection): void {
    if (connection.isResting(Rest.unheard)) return
    connection.rest(Rest.unheard)
    this.#context.wheel.add(
      new Deadline(() => connection.close('a publish was not taken; it may send it again')),
      partMs,
    )
  }

  #atMostOnce(connection: Connection, entry: TopicEntry): void {
    if (!connection.mayPublish) {
      this.#context.counters.dropped['not-authorised']++
      return
    }
    if (this.#isBack) {
      this.#context.counters.dropped.loop++
      return
    }
    if (this.#way !== null) {
      const refusal = this.#holdBack(this.#way)
      if (refusal !== undefined) {
        if (refusal !== null) this.#context.counters.dropped[refusal.code === 'E405' ? 'invalid' : 'queue-full']++
        return
      }
    }
    if (entry.rules !== null) {
      const verdict = this.#ask(entry.rules, null, 0)
      // Nobody will send it again.
      if (verdict === Verdict.Busy)
        this.#context.counters.dropped[this.#error?.code === 'E406' ? 'buffer' : 'journal']++
      if (verdict !== Verdict.Accepted && verdict !== Verdict.Pending) return
    }
    this.#route(connection, entry)
  }

  #exactlyOnce(connection: Connection, entry: TopicEntry): void {
    const { packetId } = this.#view
    const { receiving } = connection.session!
    const act = receiving.on(ReceivingEvent.publish, packetId)
    if (act === ReceivingAct.take) this.#decide(connection, entry, 2)
    else if (act === ReceivingAct.sendPubrec) connection.answer(2, packetId, null)
    else if (act === ReceivingAct.joinFirst && receiving.joinedToken(packetId) === null) {
      // The first copy came on an earlier connection: what is decided about it answers this one.
      receiving.join(packetId, connection.acks.open(2, packetId))
    }
  }

  /** Asks the flow, routes what it takes, answers now or lets the answer come. */
  #decide(connection: Connection, entry: TopicEntry, kind: AckKind): void {
    const { packetId } = this.#view
    if (!connection.mayPublish) {
      this.#context.counters.dropped['not-authorised']++
      connection.answer(kind, packetId, new TrestleError('E404', `not authorised to publish to ${entry.topic}`))
      return
    }
    const refusal = this.#way === null || this.#isBack ? undefined : this.#holdBack(this.#way)
    if (entry.rules === null || this.#isBack || refusal !== undefined) {
      if (this.#isBack) this.#context.counters.dropped.loop++
      const isHeard = this.#isBack || refusal !== undefined || this.#route(connection, entry)
      if (isHeard || connection.version !== 5 || connection.unanswered > 0) {
        connection.answer(kind, packetId, refusal ?? null)
      } else this.#answerUnheard(connection, kind, packetId)
      // Its answer waits behind others'.
      if (connection.unanswered > 0) this.#watchQuota(connection)
      return
    }
    const { acks } = connection
    const token = acks.open(kind, packetId)
    if (kind === 2) connection.session!.receiving.join(packetId, token)
    const verdict = this.#ask(entry.rules, acks, token)
    if (verdict === Verdict.Accepted || verdict === Verdict.Pending) this.#route(connection, entry)
    if (verdict === Verdict.Accepted) acks.settle(token, null)
    else if (verdict === Verdict.Refused || verdict === Verdict.Busy) {
      acks.settle(token, this.#error)
    }
    this.#watchQuota(connection)
  }

  /** Nobody subscribes to the topic: it is taken all the same. *Source*: MQTT 5.0 §3.4.2.1, reason 0x10. */
  #answerUnheard(connection: Connection, kind: AckKind, packetId: number): void {
    if (kind === 2) connection.session!.receiving.on(ReceivingEvent.taken, packetId)
    connection.sendCode(kind === 1 ? PUBACK : PUBREC, packetId, Reason.NoMatchingSubscribers)
    if (connection.unanswered * 2 < this.#context.limits.receiveMaximum) connection.resume(Rest.answers)
  }

  /** Lets the message wait for its time: null; or tells why it may not. undefined: it goes on now. */
  #holdBack({ delayMs, fault, topic }: Way): TrestleError | null | undefined {
    if (fault !== null) return new TrestleError('E405', `the topic ${fault}`)
    const { delayed } = this.#context
    if (delayMs < 0 || delayed === null) return undefined
    if (delayed.hold(this.#parcel.message(), delayMs)) return null
    if (delayed.options.whenFull === 'publish_now') return undefined
    return new TrestleError('E406', `too many delayed messages wait for a message to ${topic} to be one more`)
  }

  /** What the flow says; `#error` tells why when it refuses. A flow that fails has not taken the message. */
  #ask(rules: TopicRules, waiter: AckWaiter | null, token: number): Verdict {
    const { flow, events } = this.#context
    try {
      const verdict = flow.take(this.#parcel.message(), rules, waiter, token)
      if (verdict === Verdict.Refused || verdict === Verdict.Busy) this.#error = flow.error
      return verdict
    } catch (fault) {
      events('error', 'hub.fault', { where: 'flow', topic: this.#parcel.topic, fault })
      this.#error = TrestleError.from(fault)
      return Verdict.Busy
    }
  }

  /** Answers whether somebody wants it. */
  #route(connection: Connection, entry: TopicEntry): boolean {
    const count = route(this.#context, this.#parcel, entry, connection.session)
    this.#spare(connection)
    return entry.peer === null ? !entry.isUnwanted : count > 0
  }

  /** A subscriber falls behind: its publisher is not read for a while, rather than more being held for it. */
  #spare(connection: Connection): void {
    const { crowded } = this.#context.delivery
    if (crowded === null || this.#parcel.qos === 0 || crowded === connection.session) return
    if (connection.isResting(Rest.subscriber)) return
    connection.rest(Rest.subscriber)
    crowded.addWaitingPublisher(connection)
    const { wheel, limits } = this.#context
    const patience = new Deadline(() => {
      crowded.dropWaitingPublisher(connection)
      connection.resume(Rest.subscriber)
    })
    wheel.add(patience, limits.maxPublisherPauseMs)
  }

  /** More unanswered publishes than we let a client have: MQTT 5 was told the number, 3.x is not read for a while. */
  #watchQuota(connection: Connection): void {
    const { receiveMaximum } = this.#context.limits
    if (connection.version !== 5) {
      if (connection.unanswered >= receiveMaximum) connection.rest(Rest.answers)
      return
    }
    if (connection.unansweredQos1 + connection.session!.receiving.size <= receiveMaximum) return
    const problem = `has more than ${receiveMaximum} messages unanswered`
    throw new ProtocolFault(Reason.ReceiveMaximumExceeded, 'publish', 'receive maximum', 'MQTT-3.3.4-9', problem, 5)
  }

  #judge(connection: Connection, entry: TopicEntry): void {
    const { access } = this.#context
    const who = connection.principal!
    connection.way = entry.hasWay ? wayOf(this.#context, entry.topic, who) : null
    connection.mayPublish = access.mayPublish(who, connection.way?.topic ?? entry.topic)
    connection.accessVersion = access.version
    connection.lastTopic = entry
  }
}

function reasonOf(error: TrestleError, type: 'puback' | 'pubrec'): number {
  const { mqtt } = codes[error.code]
  return isReasonOf(type, mqtt) ? mqtt : Reason.ImplementationSpecificError
}
