import type { AnswerSheet, IntakeItem, IntakeOrder } from '../bridge/supervisor.ts'
import type { Broker } from '../broker/broker.ts'
import { type AckWaiter, Verdict } from '../broker/port.ts'
import { TrestleError } from '../contract/error.ts'
import type { Message } from '../contract/message.ts'
import { notDelivered, type Receipt } from '../contract/receipt.ts'
import { deadLetterOf, ruleOfSource } from '../flow/dead-letter.ts'
import { KeptRefusal } from '../flow/waiters.ts'
import type { Flow } from '../flow.ts'
import type { Journal } from '../journal/journal.ts'
import { isGatheredLetter } from '../journal/port.ts'
import { type LoopGuard, looped } from './loop-guard.ts'
import { messageFault } from './message-fault.ts'

const received: Receipt = { outcome: 'received', error: null, place: null }
const stored: Receipt = { outcome: 'stored', error: null, place: null }

/** The inner doors: messages that come in by the API, from a source, or from the dead letters, each answered by a Receipt. */
export class InnerDoors {
  readonly #broker: Broker
  readonly #flow: Flow
  readonly #journal: Journal
  readonly #guard: LoopGuard

  constructor(broker: Broker, flow: Flow, journal: Journal, guard: LoopGuard) {
    this.#guard = guard
    this.#broker = broker
    this.#flow = flow
    this.#journal = journal
  }

  /** One message, on the same stairs as a device's. QoS 0 is answered when it is taken. */
  publish(message: Message): Promise<Receipt> {
    const fault = messageFault(message)
    if (fault !== null) return Promise.resolve(notDelivered(fault))
    if (this.#cameBack(message)) return Promise.resolve(looped)
    return new Promise((resolve) => {
      const waiter = message.qos === 0 ? null : new Waiter(1, (receipts) => resolve(receipts[0]!))
      const verdict = this.#broker.accept(message, waiter, 0)
      const answer = this.#answerNow(verdict, waiter)
      if (answer !== null) resolve(answer)
    })
  }

  /** What a source brings; nothing of it is taken behind something that failed. */
  takeIn({ source, onRefused, messages, faults }: IntakeOrder, sheet: AnswerSheet): void {
    for (let at = 0; at < messages.length; at++) {
      sheet.inHand = at
      const { failure } = sheet
      if (failure !== null) {
        sheet.answer(at, failure)
        continue
      }
      const message = messages[at]!
      const fault = faults?.get(at) ?? messageFault(message)
      if (message.properties !== null && this.#cameBack(message)) sheet.answer(at, looped)
      else if (fault === null) this.#takeOne(message, sheet, at)
      else this.#refuse(message, forGood(fault), source, onRefused, sheet, at)
    }
  }

  #cameBack({ properties, topic }: Message): boolean {
    if (!this.#guard.cameBack(properties, topic)) return false
    this.#broker.countDropped('loop', 1)
    return true
  }

  #takeOne(message: Message, sheet: AnswerSheet, at: number): void {
    const answer = this.#answerNow(this.#broker.accept(message, sheet, at), sheet)
    if (answer !== null) sheet.answer(at, answer)
  }

  /** A record that MQTT cannot carry. What is kept of it is safe before its upstream hears that it is dealt with. */
  #refuse(
    message: Message,
    fault: TrestleError,
    source: string,
    onRefused: IntakeOrder['onRefused'],
    sheet: AnswerSheet,
    at: number,
  ): void {
    if (onRefused === 'drop') {
      this.#broker.countDropped('invalid', 1)
      sheet.answer(at, notDelivered(fault))
    } else if (onRefused === 'hold') {
      sheet.answer(at, { outcome: 'failed', error: fault, place: null })
    } else {
      const owed = deadLetterOf(message, ruleOfSource(source), fault)
      const kept = new KeptRefusal(sheet, fault)
      if (this.#journal.append(message, [owed], false, kept, at) < 0) sheet.settle(at, this.#journal.error)
    }
  }

  /** Dead letters that go their way again; answered when each is stored, or safer if its rules demand it. */
  replay(items: readonly IntakeItem[]): Promise<readonly Receipt[]> {
    return new Promise((resolve) => {
      const waiter = new Waiter(items.length, resolve, true)
      // A message that is refused again is again a dead letter, a newer one: the older has had its turn.
      waiter.refusedIsStored = true
      if (items.length === 0) resolve([])
      items.forEach(({ message, owed }, at) => {
        if (owed !== null && isGatheredLetter(owed)) {
          const answer = this.#answerNow(this.#flow.resume(message, owed, waiter, at), waiter)
          if (answer !== null) waiter.answer(at, answer.outcome === 'received' ? stored : answer)
          return
        }
        if (owed !== null) {
          if (this.#journal.append(message, [owed], false, waiter, at) < 0) waiter.settle(at, this.#journal.error)
          return
        }
        const fault = messageFault(message)
        if (fault !== null) {
          waiter.answer(at, notDelivered(fault))
          return
        }
        const answer = this.#answerNow(this.#broker.accept(message, waiter, at), waiter)
        if (answer !== null) waiter.answer(at, answer.outcome === 'received' ? stored : answer)
      })
    })
  }

  /** The answer to what needs no waiting; null when the waiter will be told. */
  #answerNow(verdict: Verdict, waiter: AckWaiter | null): Receipt | null {
    if (verdict === Verdict.Accepted) return received
    if (verdict === Verdict.Refused || verdict === Verdict.Busy) {
      return notDelivered(this.#flow.error ?? new TrestleError('E999', 'refused without a reason'))
    }
    if (waiter !== null) return null
    return verdict === Verdict.Pending
      ? received
      : notDelivered(this.#flow.error ?? new TrestleError('E403', 'refused'))
  }
}

/** Whatever class a source gave its fault: sending such a record again never helps. */
const forGood = (fault: TrestleError): TrestleError =>
  fault.retry === 'never'
    ? fault
    : new TrestleError(fault.code, fault.message, { retry: 'never', detail: fault.detail, cause: fault })

/** Gathers the answers to a batch. */
class Waiter implements AckWaiter {
  refusedIsStored = false
  readonly wantsStored: boolean
  readonly #receipts: Receipt[]
  readonly #done: (receipts: readonly Receipt[]) => void
  #left: number

  constructor(count: number, done: (receipts: readonly Receipt[]) => void, wantsStored = false) {
    this.wantsStored = wantsStored
    this.#receipts = new Array<Receipt>(count)
    this.#left = count
    this.#done = done
  }

  settle(token: number, error: TrestleError | null): void {
    const kept = error !== null && error.retry === 'never' && this.refusedIsStored
    this.answer(token, error === null || kept ? stored : notDelivered(error))
  }

  answer(at: number, receipt: Receipt): void {
    this.#receipts[at] = receipt
    if (--this.#left === 0) this.#done(this.#receipts)
  }
}
