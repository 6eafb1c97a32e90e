import { TrestleError } from '../contract/error.ts'
import type { Receipt } from '../contract/receipt.ts'
import {
  type AwaitedReceipt,
  type BoundaryPort,
  type FromHost,
  type IntakeItem,
  type IntakeOrder,
  receiptFromWire,
  type ToHost,
  toWire,
  type WireReceipt,
  type WireRun,
} from './boundary.ts'
import { encodeBatch } from './intake-batch.ts'
import type { IntakeLine } from './source-door.ts'

type OnRun = Parameters<IntakeLine['sendBatch']>[1]

/** A batch of a source that is not wholly answered. */
interface Underway {
  left: number
  readonly onRun: OnRun
}

/** What the host has to say to main: receipts gathered per turn, what sources hand in, questions with their answers. */
export class MainLine implements IntakeLine {
  readonly #port: BoundaryPort<FromHost, ToHost>
  readonly #asked = new Map<number, (receipts: readonly Receipt[]) => void>()
  readonly #underway = new Map<number, Underway>()
  readonly #syncs = new Map<number, () => void>()
  #lastId = 0
  #receipts: AwaitedReceipt[] = []

  constructor(port: BoundaryPort<FromHost, ToHost>) {
    this.#port = port
  }

  /** Makes the host and starts it; main hears that it runs, or why not. *Errors*: why not. */
  begin<Host extends { start(): void }>(make: () => Host): Host {
    try {
      const host = make()
      host.start()
      this.post({ kind: 'started' })
      return host
    } catch (thrown) {
      this.post({ kind: 'failed', error: toWire(TrestleError.from(thrown)) })
      throw thrown
    }
  }

  post(message: FromHost): void {
    this.#port.postMessage(message)
  }

  /** This sink owes the awaited record nothing more. */
  receipt(sink: string, position: number, error: TrestleError | null): void {
    const receipt = { sink, position, error: error === null ? null : toWire(error) }
    if (this.#receipts.push(receipt) === 1) queueMicrotask(() => this.#flush())
  }

  sendBatch({ source, epoch, onRefused, messages, faults }: IntakeOrder, onRun: OnRun): void {
    const id = ++this.#lastId
    this.#underway.set(id, { left: messages.length, onRun })
    const batch = encodeBatch(messages)
    const told = faults === null ? noFaults : Array.from(faults, ([at, error]) => [at, toWire(error)] as const)
    this.#port.postMessage({ kind: 'intake', id, source, epoch, onRefused, batch, faults: told }, [batch])
  }

  sync(): Promise<void> {
    return new Promise((resolve) => {
      const id = ++this.#lastId
      this.#syncs.set(id, resolve)
      this.post({ kind: 'intake-sync', id })
    })
  }

  /** Main's receipts for a batch, or for a part of it. */
  batchAnswered(id: number, runs: readonly WireRun[]): void {
    const underway = this.#underway.get(id)
    if (underway === undefined) return
    for (const { from, count, receipt } of runs) {
      underway.left -= count
      underway.onRun(from, count, receiptFromWire(receipt))
    }
    if (underway.left === 0) this.#underway.delete(id)
  }

  synced(id: number): void {
    this.#syncs.get(id)?.()
    this.#syncs.delete(id)
  }

  /** Dead letters that go back into the journal. */
  sendReplay(items: readonly IntakeItem[]): Promise<readonly Receipt[]> {
    return this.#ask((id) => this.post({ kind: 'replay', id, items }))
  }

  answered(id: number, receipts: readonly WireReceipt[]): void {
    const answer = this.#asked.get(id)
    this.#asked.delete(id)
    answer?.(receipts.map(receiptFromWire))
  }

  #ask(post: (id: number) => void): Promise<readonly Receipt[]> {
    return new Promise((resolve) => {
      const id = ++this.#lastId
      this.#asked.set(id, resolve)
      post(id)
    })
  }

  #flush(): void {
    const receipts = this.#receipts
    this.#receipts = []
    this.post({ kind: 'receipts', receipts })
  }
}

const noFaults: readonly never[] = []
