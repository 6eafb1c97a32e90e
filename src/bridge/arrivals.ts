import { TrestleError } from '../contract/error.ts'
import { notDelivered, type Receipt } from '../contract/receipt.ts'
import {
  type FromHost,
  fromWire,
  type IntakeItem,
  type IntakeOrder,
  receiptToWire,
  type ToHost,
  type WireRun,
} from './boundary.ts'
import { decodeBatch } from './intake-batch.ts'

type IntakeMessage = Extract<FromHost, { kind: 'intake' }>
type Arrival = Extract<FromHost, { kind: 'intake' | 'intake-sync' | 'replay' }>

/** Who takes what the connector thread brings. */
export interface Takers {
  intake: (order: IntakeOrder, sheet: AnswerSheet) => void
  replay: (items: readonly IntakeItem[]) => Promise<readonly Receipt[]>
}

/** As long as the hub has not said who takes. */
export const notYet: Takers = {
  intake: ({ messages }, sheet) => {
    for (let at = 0; at < messages.length; at++) sheet.answer(at, tooEarly)
  },
  replay: async (items) => items.map(() => tooEarly),
}

/**
 * Main's end of what sources hand in and dead letters send again: unpacks the orders, keeps what stands behind a failure
 * out until its source has heard of it, and sends the answers back in runs.
 */
export class Arrivals {
  readonly #takers: Takers
  readonly #post: (answer: ToHost) => void
  readonly #gates = new Map<string, Gate>()

  constructor(takers: Takers, post: (answer: ToHost) => void) {
    this.#takers = takers
    this.#post = post
  }

  hear(message: Arrival): void {
    if (message.kind === 'intake') this.#take(message)
    else if (message.kind === 'replay') void this.#replay(message.id, message.items)
    // What was taken before was answered, as far as it could be at once, before this answer goes.
    else queueMicrotask(() => this.#post({ kind: 'intake-synced', id: message.id }))
  }

  #take({ id, source, epoch, onRefused, batch, faults }: IntakeMessage): void {
    const gate = this.#gateOf(source)
    if (epoch > gate.epoch) {
      gate.epoch = epoch
      gate.failure = null
    }
    const sheet = new AnswerSheet(gate, epoch, (runs) => this.#post({ kind: 'intake-receipts', id, runs }))
    const told = faults.length === 0 ? null : new Map(faults.map(([at, error]) => [at, fromWire(error)]))
    const messages = decodeBatch(batch)
    try {
      this.#takers.intake({ source, epoch, onRefused, messages, faults: told }, sheet)
    } catch (thrown) {
      // A fault of ours: what was not looked at is tried again, and the source shows why it is held.
      const failed = notDelivered(new TrestleError('E999', TrestleError.from(thrown).message, { cause: thrown }))
      for (let at = sheet.inHand; at < messages.length; at++) sheet.answer(at, failed)
    }
  }

  async #replay(id: number, items: readonly IntakeItem[]): Promise<void> {
    let receipts: readonly Receipt[]
    try {
      receipts = await this.#takers.replay(items)
    } catch (thrown) {
      const receipt = notDelivered(TrestleError.from(thrown))
      receipts = items.map(() => receipt)
    }
    this.#post({ kind: 'replay-receipts', id, receipts: receipts.map(receiptToWire) })
  }

  #gateOf(source: string): Gate {
    const known = this.#gates.get(source)
    if (known !== undefined) return known
    const gate: Gate = { epoch: 0, failure: null }
    this.#gates.set(source, gate)
    return gate
  }
}

/** Shut by the first failure, open again for what was sent after its source had heard of it. */
interface Gate {
  epoch: number
  failure: Receipt | null
}

interface Run {
  from: number
  count: number
  receipt: Receipt
}

const stored: Receipt = { outcome: 'stored', error: null, place: null }
const tooEarly = notDelivered(new TrestleError('E902', 'the hub takes nothing in yet'))
const superseded = notDelivered(new TrestleError('E902', 'something before it was not taken'))

/** The answers to one batch; those of one turn go back together. Waits for the flow like any publisher. */
export class AnswerSheet {
  /** The message is safe upstream until it is answered: memory is not enough, whatever the rules say. */
  readonly wantsStored = true
  /** Place of the message that is looked at; those before it are answered, or will be. */
  inHand = 0
  readonly #gate: Gate
  readonly #epoch: number
  readonly #send: (runs: readonly WireRun[]) => void
  #runs: Run[] = []
  #lastError: TrestleError | null = null
  #lastReceipt = stored

  constructor(gate: Gate, epoch: number, send: (runs: readonly WireRun[]) => void) {
    this.#gate = gate
    this.#epoch = epoch
    this.#send = send
  }

  /** Why nothing more of this source may be taken now: something before it failed. */
  get failure(): Receipt | null {
    return this.#epoch < this.#gate.epoch ? superseded : this.#gate.failure
  }

  settle(at: number, error: TrestleError | null): void {
    // What fails together fails by one error, and goes back as one run.
    if (error !== this.#lastError) {
      this.#lastError = error
      this.#lastReceipt = error === null ? stored : notDelivered(error)
    }
    this.answer(at, this.#lastReceipt)
  }

  answer(at: number, receipt: Receipt): void {
    if (receipt.outcome === 'failed') this.#gate.failure ??= receipt
    const run = this.#runs.at(-1)
    if (run !== undefined && run.receipt === receipt && run.from + run.count === at) run.count++
    else if (this.#runs.push({ from: at, count: 1, receipt }) === 1) queueMicrotask(() => this.#flush())
  }

  #flush(): void {
    const runs = this.#runs
    this.#runs = []
    this.#send(runs.map(({ from, count, receipt }) => ({ from, count, receipt: receiptToWire(receipt) })))
  }
}
