import type { PulsarClient } from '../client.ts'
import { PulsarFault } from '../fault.ts'
import type { ConsumerListener } from '../listeners.ts'
import type { CommandBody } from '../wire/commands.ts'
import { Repeats, readArrival } from './arrival.ts'
import { type AckedId, ConsumerChannel, type ConsumerOptions, partOf, type SeekTarget } from './channel.ts'
import { Chunks } from './chunks.ts'
import { type EntryId, heldBytes, type PulsarMessage, type ReceivedEntry } from './message.ts'
import type { FlowWindow } from './window.ts'

/** Told what happens to a consumer. */
export interface ConsumerEvents {
  messages(messages: readonly PulsarMessage[]): void
  activeChange(topic: string, isActive: boolean): void
  endOfTopic(topic: string): void
  /** It is spent: the connection ended, or the broker did not take it back. */
  lost(consumer: Consumer, fault: PulsarFault): void
}

/** What a consumer is made of. */
export interface ConsumerParts {
  readonly options: ConsumerOptions
  readonly window: FlowWindow
  readonly events: ConsumerEvents
  /** Whether the broker may make the topic where it does not exist. */
  readonly createTopic: boolean
}

const retries = 8

/**
 * One topic (or partition) of a subscription.
 *
 * When the broker lets it go because the topic moves, it subscribes again by itself, and what it still holds is not
 * handed on a second time. When the connection ends it is lost.
 */
export class Consumer implements ConsumerListener {
  readonly topic: string
  readonly #client: PulsarClient
  readonly #parts: ConsumerParts
  #channel: ConsumerChannel | null = null
  #state: 'opening' | 'open' | 'closed' = 'opening'
  /** Why the broker let go of it since it began to subscribe. */
  #interrupted: PulsarFault | null = null
  #isPaused = false
  readonly #chunks = new Chunks()
  /** Entries that are not settled, or whose acknowledgement is not confirmed. */
  readonly #held = new Set<ReceivedEntry>()
  readonly #repeats = new Repeats()
  /** What is acknowledged with the next `flush`: entries, and places that have none. */
  #toAck: ReceivedEntry[] = []
  #placesToAck: EntryId[] = []
  readonly #acking = new Set<Promise<void>>()
  readonly #givingBack = new Set<NodeJS.Timeout>()

  constructor(client: PulsarClient, topic: string, parts: ConsumerParts) {
    this.#client = client
    this.topic = topic
    this.#parts = parts
  }

  /** Whether it waits for room that others take: it may be sent nothing, and nothing of its own will be settled. */
  get isStarved(): boolean {
    const { permits, held } = this.#parts.window
    return permits <= 0 && held === 0
  }

  set share(count: number) {
    this.#parts.window.share = count
  }

  /** Stops and goes on reading from its connection, whatever is on it. */
  hold(isHeld: boolean): void {
    this.#channel?.connection.hold(isHeld)
  }

  /** Subscribes, goes to `seek` first where one is given, and lets messages flow. *Errors*: PulsarFault. */
  async open(seek: SeekTarget | null = null): Promise<void> {
    await this.#subscribe()
    if (seek !== null) await this.#seek(seek)
    if (this.#state === 'closed') await this.#channel?.close()
    else this.#state = 'open'
    this.flow()
  }

  /** No more permits until `resume`; what was permitted before may still come. */
  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.flow()
  }

  /** A message is dealt with. The acknowledgement leaves with the next `flush`. */
  settle(message: PulsarMessage): void {
    const { entry } = message
    this.#parts.window.settle(1, heldBytes(message))
    entry.settle(message.index)
    if (entry.pending === 0) this.#letGo(entry)
  }

  /** A message is not taken: where the subscription is shared it comes again, to whomever the broker chooses. */
  giveBack(message: PulsarMessage): void {
    const { entry } = message
    const isFirst = !entry.givenBack
    this.#parts.window.settle(1, heldBytes(message))
    entry.giveBack()
    if (entry.pending === 0) this.#letGo(entry)
    const { type } = this.#parts.options
    if (isFirst && (type === 'shared' || type === 'key_shared')) this.#redeliverLater(entry)
  }

  /** Asks again for everything that has been held since before that moment. Answers how many entries. */
  redeliverOlderThan(momentMs: number): number {
    const ids: EntryId[] = []
    for (const entry of this.#held) {
      if (entry.pending > 0 && entry.receivedMs < momentMs) ids.push(...entry.earlier, entry.id)
    }
    if (this.#state === 'open') this.#channel?.redeliver(ids)
    return ids.length
  }

  /** Sends what was settled since the last time, and permits for what there is room for. */
  flush(): void {
    if (this.#state !== 'open') return
    if (this.#toAck.length > 0) this.#acknowledge(this.#toAck.splice(0))
    if (this.#placesToAck.length > 0) this.#confirm(this.#placesToAck.splice(0))
    this.flow()
  }

  flow(): void {
    if (this.#isPaused || this.#state !== 'open') return
    const permits = this.#parts.window.grant()
    if (permits > 0) this.#channel?.flow(permits)
  }

  /** Tells the broker which messages of batches are settled that are not settled as a whole. */
  reportParts(): void {
    if (!this.#parts.options.batchIndexAck || this.#state !== 'open') return
    const parts: AckedId[] = []
    for (const entry of this.#held) {
      if (entry.pending === 0 || entry.reported || entry.size === 1) continue
      entry.reported = true
      parts.push(partOf(entry))
    }
    if (parts.length > 0) this.#confirm(parts)
  }

  /** Acknowledges what was settled, waits for the broker's answers and lets go. Does not throw. */
  async close(): Promise<void> {
    this.flush()
    this.reportParts()
    this.#state = 'closed'
    for (const timer of this.#givingBack) clearTimeout(timer)
    this.#givingBack.clear()
    await Promise.all(this.#acking)
    const channel = this.#channel
    this.#channel = null
    await channel?.close()
  }

  message(command: CommandBody<'message'>, bytes: Buffer, entryAt: number): void {
    if (this.#state === 'closed') return
    const state = { owner: this, repeats: this.#repeats, chunks: this.#chunks }
    const { messages, sent, done } = readArrival(command, { bytes, entryAt }, state)
    let sizeBytes = 0
    for (const message of messages) sizeBytes += heldBytes(message)
    this.#parts.window.receive(sent, messages.length, sizeBytes)
    if (messages.length === 0) {
      if (done !== null) this.#placesToAck.push(done)
      this.flush()
      return
    }
    this.#held.add(messages[0]!.entry)
    this.#parts.events.messages(messages)
    // Small messages leave room for more than was thought.
    this.flow()
  }

  activeChange(isActive: boolean): void {
    // Who becomes the active one is sent everything that is not acknowledged, what it holds itself included.
    if (isActive) this.#repeats.expect(this.#held)
    this.#parts.events.activeChange(this.topic, isActive)
  }

  endOfTopic(): void {
    this.#parts.events.endOfTopic(this.topic)
  }

  closed(fault: PulsarFault): void {
    const channel = this.#channel
    this.#channel = null
    this.#interrupted = fault
    if (this.#state !== 'open') return
    this.#state = 'opening'
    if (channel?.connection.isOpen === true) void this.#subscribeAgain()
    else this.#lose(fault)
  }

  /** Of a batch that is given back in part, the rest is acknowledged where the broker knows the places in it. */
  #letGo(entry: ReceivedEntry): void {
    const hasPart = !entry.reported && entry.size > 1 && this.#parts.options.batchIndexAck
    if (!entry.givenBack || hasPart) this.#toAck.push(entry)
    else this.#held.delete(entry)
  }

  #lose(thrown: unknown): void {
    this.#state = 'closed'
    const fault = thrown instanceof PulsarFault ? thrown : new PulsarFault('protocol', this.topic, String(thrown))
    this.#parts.events.lost(this, fault)
  }

  async #subscribe(): Promise<void> {
    this.#interrupted = null
    const channel = await ConsumerChannel.open(this.#client, this.topic, this, this.#parts)
    // The broker may let go of it in the same breath.
    const fault = this.#interrupted as PulsarFault | null
    if (fault !== null) throw fault
    this.#channel = channel
    this.#parts.window.restart()
  }

  /** The topic moved: its new broker may take a moment until it has it. */
  async #subscribeAgain(): Promise<void> {
    this.#repeats.expect(this.#held)
    try {
      await this.#persist()
      if (this.#state === 'opening') this.#state = 'open'
      else this.#channel?.abandon()
      this.flush()
    } catch (thrown) {
      if (this.#state === 'opening') this.#lose(thrown)
    }
  }

  async #seek(target: SeekTarget): Promise<void> {
    const channel = this.#channel
    this.#channel = null
    await channel?.seek(target)
    await this.#persist()
  }

  /** Subscribes, however often it takes: a topic that moves and a subscription that is put elsewhere refuse for a while. */
  async #persist(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      await new Promise((done) => setTimeout(done, Math.min(2000, 25 * 2 ** attempt)))
      if (this.#state === 'closed') return
      try {
        await this.#subscribe()
        return
      } catch (thrown) {
        // A broker that is gone is for others to wait for.
        if (attempt === retries || (thrown instanceof PulsarFault && thrown.kind === 'network')) throw thrown
      }
    }
  }

  #redeliverLater(entry: ReceivedEntry): void {
    const timer = setTimeout(() => {
      this.#givingBack.delete(timer)
      if (this.#state !== 'open') return
      this.reportParts()
      this.#channel?.redeliver([...entry.earlier, entry.id])
    }, this.#parts.options.giveBackDelayMs)
    this.#givingBack.add(timer)
  }

  /** An entry is held until this is confirmed: should the broker begin anew before, it comes again. */
  #acknowledge(entries: readonly ReceivedEntry[]): void {
    const ids: AckedId[] = []
    for (const entry of entries) {
      if (entry.givenBack) ids.push(partOf(entry))
      else ids.push(...entry.earlier, entry.id)
    }
    this.#confirm(ids, entries)
  }

  #confirm(ids: readonly AckedId[], entries: readonly ReceivedEntry[] = []): void {
    const acking = this.#confirmed(ids, entries).finally(() => this.#acking.delete(acking))
    this.#acking.add(acking)
  }

  async #confirmed(ids: readonly AckedId[], entries: readonly ReceivedEntry[]): Promise<void> {
    const channel = this.#channel
    try {
      await channel?.acknowledge(ids)
      for (const entry of entries) this.#held.delete(entry)
    } catch (thrown) {
      // What is not acknowledged comes again. On a channel that was let go meanwhile it is said once more.
      if (this.#state === 'closed') return
      if (this.#channel === channel && this.#state === 'open' && channel?.connection.isOpen) this.#lose(thrown)
      else this.#toAck.push(...entries)
    }
  }
}
