/**
 * A producer on one topic, or one partition of it: opens it at its broker, sends entries, tells what became of each.
 *
 *     open    PRODUCER → PRODUCER_SUCCESS (name, last sequence id of that name that the topic has)
 *     send    SEND → SEND_RECEIPT (message id) or SEND_ERROR, in any number at a time
 *     end     CLOSE_PRODUCER, by either side, or the end of the connection: what waits for its receipt fails
 *
 * It does not number, retry or open itself again: it reports. An entry that failed with a `server` fault is certainly not
 * in the topic; of one that failed in another way nothing is known.
 */
import type { Connection } from '../connection.ts'
import { PulsarFault } from '../fault.ts'
import type { ProducerListener } from '../listeners.ts'
import { accessModes, type CommandBody, type MessageIdData } from '../wire/commands.ts'
import { WireWriter } from '../wire/writer.ts'
import { type OutgoingEntry, writeSendHead } from './send-frame.ts'

export interface ProducerOptions {
  /** In full; of a partitioned topic one partition. */
  readonly topic: string
  /** null: the broker makes one up, and nothing is recognised when it is sent again. */
  readonly name: string | null
  readonly accessMode: keyof typeof accessModes
  readonly metadata: Readonly<Record<string, string>>
  readonly openTimeoutMs: number
  readonly sendTimeoutMs: number
}

/** What a broker says of an entry it has. *Shape*: ledger -1 for an entry it had before. */
export type SendReceipt = Pick<MessageIdData, 'ledgerId' | 'entryId'>

/** By the number of its last message: what every answer names. */
interface Pending {
  readonly settle: (receipt: SendReceipt) => void
  readonly fail: (fault: PulsarFault) => void
}

const had: SendReceipt = { ledgerId: -1n, entryId: -1n }

export class Producer implements ProducerListener {
  readonly connection: Connection
  readonly #options: ProducerOptions
  readonly #id: number
  readonly #pending = new Map<number, Pending>()
  readonly #heads = new WireWriter()
  #timer: NodeJS.Timeout | null = null
  #oldestMs = 0
  #name = ''
  #lastSequenceId = -1
  #fault: PulsarFault | null = null

  /** *Errors*: PulsarFault; `server` where the broker refuses. */
  static async open(connection: Connection, options: ProducerOptions): Promise<Producer> {
    const producer = new Producer(connection, options)
    await producer.#open()
    return producer
  }

  private constructor(connection: Connection, options: ProducerOptions) {
    this.connection = connection
    this.#options = options
    this.#id = connection.addProducer(this)
  }

  get name(): string {
    return this.#name
  }

  /** The highest number under this name that the broker took when it was opened; -1: none, or it does not deduplicate. */
  get lastSequenceId(): number {
    return this.#lastSequenceId
  }

  /** Why it is of no use any more; null while it is. */
  get fault(): PulsarFault | null {
    return this.#fault
  }

  /** Sends an entry; its payload must stay as it is until the answer. *Errors*: PulsarFault, see above. */
  send(entry: OutgoingEntry): Promise<SendReceipt> {
    if (this.#fault !== null) return Promise.reject(this.#fault)
    return new Promise((settle, fail) => {
      if (this.#pending.size === 0) this.#watch()
      this.#pending.set(entry.lastSequenceId, { settle, fail })
      this.#heads.at = 0
      writeSendHead(this.#heads, this.#id, this.#name, entry)
      this.connection.writeBoth(this.#heads.copy(), entry.payload)
    })
  }

  /** Tells the broker, and waits for its answer unless the connection is gone. */
  async close(): Promise<void> {
    if (this.#fault !== null) return
    const { connection } = this
    this.closed(new PulsarFault('closed', connection.place, 'the producer was closed'))
    connection.removeProducer(this.#id)
    if (connection.isOpen) await connection.request('closeProducer', { producerId: this.#id })
  }

  receipt({ sequenceId, highestSequenceId, messageId }: CommandBody<'sendReceipt'>): void {
    this.#take(Math.max(sequenceId, highestSequenceId))?.settle(messageId ?? had)
  }

  /** *Shape*: here `sequenceId` is that of the last message already. */
  sendError({ sequenceId, error, message }: CommandBody<'sendError'>): void {
    this.#take(sequenceId)?.fail(PulsarFault.fromServer(error, message, this.connection.place))
  }

  closed(fault: PulsarFault): void {
    this.#fault ??= fault
    this.#unwatch()
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    for (const { fail } of pending) fail(fault)
  }

  async #open(): Promise<void> {
    const { connection } = this
    const { topic, name, accessMode, metadata, openTimeoutMs } = this.#options
    try {
      const answer = await connection.request(
        'producer',
        {
          topic,
          producerId: this.#id,
          accessMode: accessModes[accessMode],
          metadata: Object.entries(metadata).map(([key, value]) => ({ key, value })),
          ...(name === null ? { nameIsGiven: false } : { producerName: name }),
        },
        openTimeoutMs,
      )
      if (this.#fault !== null) throw this.#fault
      this.#name = answer.producerName
      this.#lastSequenceId = answer.lastSequenceId
    } catch (thrown) {
      connection.removeProducer(this.#id)
      // The broker may have opened it after all: a name that stays taken would keep everyone out.
      if (thrown instanceof PulsarFault && thrown.kind === 'timeout') {
        connection.request('closeProducer', { producerId: this.#id }).catch(() => {
          // It was never opened, or the connection has ended: either way it is closed.
        })
      }
      throw thrown
    }
  }

  #take(sequenceId: number): Pending | undefined {
    const pending = this.#pending.get(sequenceId)
    this.#pending.delete(sequenceId)
    this.#oldestMs = performance.now()
    if (this.#pending.size === 0) this.#unwatch()
    return pending
  }

  /** One timer for all: a broker that answers for nothing at all in so long has lost the producer. */
  #watch(): void {
    this.#oldestMs = performance.now()
    const { sendTimeoutMs } = this.#options
    const check = (): void => {
      const leftMs = this.#oldestMs + sendTimeoutMs - performance.now()
      if (leftMs > 0) {
        this.#timer = setTimeout(check, leftMs)
        return
      }
      const { connection } = this
      connection.removeProducer(this.#id)
      this.closed(new PulsarFault('timeout', connection.place, `no receipt within ${sendTimeoutMs} ms`))
      // What was sent may still arrive there: only the end of the connection makes sure that it does not after this.
      connection.close()
    }
    this.#timer = setTimeout(check, sendTimeoutMs)
  }

  #unwatch(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}
