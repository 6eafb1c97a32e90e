import type { Intake } from '../contract/connector.ts'
import { TrestleError } from '../contract/error.ts'
import type { Message } from '../contract/message.ts'
import { notDelivered, type Receipt } from '../contract/receipt.ts'
import type { IntakeOrder } from './boundary.ts'
import { type BackOffLimits, backOffMs } from './retry.ts'
import { within } from './signal.ts'

/** The way to main for one source: batches go and are processed in their order. */
export interface IntakeLine {
  /** `onRun` is told of `count` messages from `from` on, each exactly once, in any order. */
  sendBatch(order: IntakeOrder, onRun: (from: number, count: number, receipt: Receipt) => void): void
  /** Resolves when main has looked at everything that was sent before. */
  sync(): Promise<void>
}

export interface SourceDoorOptions {
  name: string
  onRefused: IntakeOrder['onRefused']
  line: IntakeLine
  /** Counts up for all doors of one source: main refuses what was sent before a failure was heard of. */
  epochs: { last: number }
  random: () => number
  now: () => number
  /** The source must be closed and made anew; `held`: one of its messages stands in the way. The first call counts. */
  onEnd: (error: TrestleError, held: boolean) => void
  /** Something that may pass holds it; null when it flows again. */
  onTrouble: (error: TrestleError | null, nextTryMs: number) => void
  onSettled: (messages: number) => void
}

/** What one call of `take` waits for. */
interface Taken {
  readonly seq: number
  readonly messages: readonly Message[]
  readonly faults: ReadonlyMap<number, TrestleError> | undefined
  readonly receipts: (Receipt | undefined)[]
  left: number
  readonly answer: (receipts: readonly Receipt[]) => void
}

/** Messages of one call, by place: `from` and up to `to`. */
interface Piece {
  readonly taken: Taken
  readonly from: number
  readonly to: number
}

/** One order to main holds so much, so that no turn of its loop is long. */
const maxOrderCount = 1000
const maxOrderBytes = 1024 * 1024

const retryLimits: BackOffLimits = { baseMs: 50, capMs: 5_000 }

/**
 * The door into the hub for one opened source. What was taken in one turn of the loop goes as one order; what main cannot
 * take now comes back and goes again after a pause, everything behind it held until then; what is neither taken nor
 * refused when the source is closed has failed.
 */
export class SourceDoor implements Intake {
  readonly #options: SourceDoorOptions
  readonly #open = new Set<Taken>()
  #waiting: Taken[] = []
  /** What came back; sorted before it goes again. */
  #failed: Piece[] = []
  #lastSeq = 0
  #scheduled = false
  /** Nothing is sent until what came back may go again. */
  #holding = false
  #failures = 0
  #timer: NodeJS.Timeout | null = null
  #closed = false
  #onEmpty = (): void => {}

  constructor(options: SourceDoorOptions) {
    this.#options = options
    options.epochs.last++
  }

  take(messages: readonly Message[], faults?: ReadonlyMap<number, TrestleError>): Promise<readonly Receipt[]> {
    if (messages.length === 0) return Promise.resolve([])
    if (this.#closed) return Promise.resolve(messages.map(() => closing))
    return new Promise((answer) => {
      const { length } = messages
      const taken: Taken = { seq: ++this.#lastSeq, messages, faults, receipts: new Array(length), left: length, answer }
      this.#open.add(taken)
      this.#waiting.push(taken)
      this.#schedule()
    })
  }

  lost(error: TrestleError): void {
    this.#options.onEnd(error, false)
  }

  /** Takes nothing more; what is under way has `graceMs` to be answered, all else has failed. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    for (const { taken, from, to } of this.#failed.splice(0)) this.#settle(taken, from, to, closing)
    for (const taken of this.#waiting.splice(0)) this.#settle(taken, 0, taken.messages.length, closing)
    if (this.#open.size === 0) return
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve
    })
    try {
      await within(empty, graceMs, () => closing.error!)
    } catch {
      // Whether they were taken is not known: upstream sends them again.
      for (const { answer, receipts } of this.#open) answer(Array.from(receipts, (receipt) => receipt ?? closing))
      this.#open.clear()
    }
  }

  #schedule(): void {
    if (this.#scheduled || this.#holding) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      if (this.#holding || this.#closed) return
      const pieces = this.#waiting.map((taken) => ({ taken, from: 0, to: taken.messages.length }))
      this.#waiting = []
      this.#send(pieces)
    })
  }

  #send(pieces: readonly Piece[]): void {
    let order: Piece[] = []
    let count = 0
    let bytes = 0
    for (const { taken, from, to } of pieces) {
      let start = from
      for (let at = from; at < to; at++) {
        count++
        bytes += taken.messages[at]!.payload.byteLength
        if (count < maxOrderCount && bytes < maxOrderBytes) continue
        order.push({ taken, from: start, to: at + 1 })
        this.#sendOrder(order, count)
        order = []
        count = 0
        bytes = 0
        start = at + 1
      }
      if (start < to) order.push({ taken, from: start, to })
    }
    if (count > 0) this.#sendOrder(order, count)
  }

  #sendOrder(pieces: readonly Piece[], count: number): void {
    const { epochs, line, name, onRefused } = this.#options
    const order = {
      source: name,
      epoch: epochs.last,
      onRefused,
      messages: messagesOf(pieces, count),
      faults: faultsOf(pieces),
    }
    line.sendBatch(order, (from, runCount, receipt) => this.#heard(pieces, from, runCount, receipt))
  }

  /** Spreads a run of equal receipts over the calls it belongs to. */
  #heard(pieces: readonly Piece[], from: number, count: number, receipt: Receipt): void {
    let start = 0
    for (const piece of pieces) {
      const first = Math.max(from, start)
      const end = Math.min(from + count, start + piece.to - piece.from)
      if (first < end) this.#answered(piece.taken, piece.from + first - start, piece.from + end - start, receipt)
      start += piece.to - piece.from
      if (start >= from + count) break
    }
    if (receipt.outcome === 'failed') this.#onFailure(receipt.error!)
    else {
      this.#options.onSettled(count)
      if (this.#failures > 0 && !this.#holding) {
        this.#failures = 0
        this.#options.onTrouble(null, 0)
      }
    }
  }

  #answered(taken: Taken, from: number, to: number, receipt: Receipt): void {
    if (receipt.outcome === 'failed' && !this.#closed) this.#failed.push({ taken, from, to })
    else this.#settle(taken, from, to, receipt)
  }

  #settle(taken: Taken, from: number, to: number, receipt: Receipt): void {
    // It was given up when the door closed.
    if (!this.#open.has(taken)) return
    for (let at = from; at < to; at++) taken.receipts[at] = receipt
    taken.left -= to - from
    if (taken.left > 0) return
    this.#open.delete(taken)
    taken.answer(taken.receipts as Receipt[])
    if (this.#open.size === 0) this.#onEmpty()
  }

  #onFailure(error: TrestleError): void {
    if (this.#closed) return
    if (error.retry === 'never') {
      this.#holding = true
      this.#options.onEnd(error, true)
      return
    }
    if (this.#holding) return
    this.#holding = true
    const { now, onTrouble, random } = this.#options
    const waitMs = Math.max(1, backOffMs(++this.#failures, random, retryLimits))
    onTrouble(error, now() + waitMs)
    this.#timer = setTimeout(() => void this.#again(), waitMs)
  }

  async #again(): Promise<void> {
    const { epochs, line } = this.#options
    // What was under way when the failure was heard comes back too, and belongs before what is waiting.
    await line.sync()
    if (this.#closed) return
    this.#holding = false
    epochs.last++
    const pieces = this.#failed.splice(0).sort((one, other) => one.taken.seq - other.taken.seq || one.from - other.from)
    for (const taken of this.#waiting.splice(0)) pieces.push({ taken, from: 0, to: taken.messages.length })
    this.#send(pieces)
  }
}

const closing = notDelivered(new TrestleError('E902', 'the source is being closed'))

function messagesOf(pieces: readonly Piece[], count: number): readonly Message[] {
  const [first] = pieces
  if (pieces.length === 1 && first!.to - first!.from === first!.taken.messages.length) return first!.taken.messages
  const messages: Message[] = new Array(count)
  let place = 0
  for (const { taken, from, to } of pieces) {
    for (let at = from; at < to; at++) messages[place++] = taken.messages[at]!
  }
  return messages
}

function faultsOf(pieces: readonly Piece[]): ReadonlyMap<number, TrestleError> | null {
  let faults: Map<number, TrestleError> | null = null
  let start = 0
  for (const { taken, from, to } of pieces) {
    for (const [at, error] of taken.faults ?? []) {
      if (at < from || at >= to) continue
      faults ??= new Map()
      faults.set(start + at - from, error)
    }
    start += to - from
  }
  return faults
}
