import type { CommandBody } from '../wire/commands.ts'
import { type Entry, readEntry } from '../wire/entry.ts'
import type { Chunks } from './chunks.ts'
import { type EntryId, type PulsarMessage, placeOf, ReceivedEntry } from './message.ts'
import { damaged, messageCountOf, unpack } from './unpack.ts'

/** What a MESSAGE frame brought. */
export interface Arrival {
  /** Messages to hand on; none where the entry holds none, is a chunk of a larger one, or is held already. */
  readonly messages: readonly PulsarMessage[]
  /** Messages by the broker's count: so many permits are used up. */
  readonly sent: number
  /** To be acknowledged without more ado. */
  readonly done: EntryId | null
}

/** What was held when the broker began anew: it comes again, and is not to be handed on a second time. */
export class Repeats {
  #held = new Map<string, ReceivedEntry>()

  expect(held: Iterable<ReceivedEntry>): void {
    this.#held = new Map([...held].map((entry) => [placeOf(entry.id), entry]))
  }

  /** The entry that is held and comes now; null for what is new. */
  find(id: EntryId): ReceivedEntry | null {
    if (this.#held.size === 0) return null
    const place = placeOf(id)
    const before = this.#held.get(place)
    if (before === undefined) return null
    this.#held.delete(place)
    // What was given back is wanted again.
    return before.givenBack ? null : before
  }
}

/** Reads a MESSAGE frame for the consumer `owner`. What cannot be read is a message with a fault: nothing is thrown. */
export function readArrival(
  command: CommandBody<'message'>,
  frame: { bytes: Buffer; entryAt: number },
  state: { owner: unknown; repeats: Repeats; chunks: Chunks },
): Arrival {
  const { ledgerId = 0n, entryId = 0n } = command.messageId ?? {}
  const id: EntryId = { ledgerId, entryId }
  const receive = (size: number, earlier: readonly EntryId[] = []): ReceivedEntry => {
    const facts = { redeliveryCount: command.redeliveryCount, receivedMs: Date.now(), earlier }
    return new ReceivedEntry(state.owner, id, size, facts)
  }
  let entry: Entry
  try {
    entry = readEntry(frame.bytes, frame.entryAt)
  } catch (error) {
    return one(damaged(error, receive(1), frame.bytes.subarray(frame.entryAt), null))
  }
  const sent = messageCountOf(entry.metadata)
  const before = state.repeats.find(id)
  // It was acknowledged while this copy was on its way: once more, then.
  if (before !== null) return { messages: [], sent, done: before.pending === 0 ? id : null }
  if (entry.metadata.marker !== undefined) return { messages: [], sent, done: id }
  if ((entry.metadata.chunkCount ?? 1) > 1) return gather(entry, id, state.chunks, receive)
  const messages = unpack(entry, receive(sent), command.ackSet)
  return { messages, sent, done: messages.length === 0 ? id : null }
}

const one = (message: PulsarMessage): Arrival => ({ messages: [message], sent: 1, done: null })

function gather(
  entry: Entry,
  id: EntryId,
  chunks: Chunks,
  receive: (size: number, earlier: readonly EntryId[]) => ReceivedEntry,
): Arrival {
  const outcome = chunks.add(entry, id)
  if (outcome.kind === 'kept') return { messages: [], sent: 1, done: null }
  const received = receive(1, outcome.earlier)
  if (outcome.kind === 'broken') return one(damaged(outcome.fault, received, entry.payload, entry.metadata))
  return { messages: unpack(outcome.entry, received, []), sent: 1, done: null }
}
