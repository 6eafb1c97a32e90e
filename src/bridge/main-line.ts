import { TrestleError } from '../contract/error.ts'
import type { Receipt } from '../contract/receipt.ts'
import {
  type AwaitedReceipt,
  type BoundaryPort,
  type FromHost,
  type IntakeItem,
  receiptFromWire,
  type ToHost,
  toWire,
  type WireReceipt,
} from './boundary.ts'

/** What the host has to say to main: receipts gathered per turn, questions with their answers. */
export class MainLine {
  readonly #port: BoundaryPort<FromHost, ToHost>
  readonly #asked = new Map<number, (receipts: readonly Receipt[]) => void>()
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

  /** Messages of a source; the buffer is given away. */
  sendBatch(source: string, batch: ArrayBuffer): Promise<readonly Receipt[]> {
    return this.#ask((id) => this.#port.postMessage({ kind: 'intake', id, source, batch }, [batch]))
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
