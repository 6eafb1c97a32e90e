import { PulsarFault } from '../fault.ts'
import type { Entry } from '../wire/entry.ts'
import type { EntryId } from './message.ts'

/** A message that is larger than the broker takes at once comes as several entries: its chunks. */
interface Gathering {
  readonly parts: Buffer[]
  readonly ids: EntryId[]
  sizeBytes: number
}

/** What became of a chunk: kept until the others come, the last of a whole message, or of no use. */
export type ChunkOutcome =
  | { readonly kind: 'kept' }
  | { readonly kind: 'whole'; readonly entry: Entry; readonly earlier: readonly EntryId[] }
  | { readonly kind: 'broken'; readonly fault: PulsarFault; readonly earlier: readonly EntryId[] }

/** No message of chunks is larger, and no more of them are gathered at a time. */
const maxMessageBytes = 128 * 1024 * 1024
const maxGathering = 100

/** Puts chunked messages of one topic together again. Chunks of several messages may come mixed. */
export class Chunks {
  readonly #gathering = new Map<string, Gathering>()

  add(entry: Entry, id: EntryId): ChunkOutcome {
    const { uuid = '', chunkId = 0, chunkCount = 1, totalChunkBytes = 0 } = entry.metadata
    if (chunkId === 0) this.#begin(uuid)
    const gathering = this.#gathering.get(uuid)
    if (gathering === undefined || gathering.parts.length !== chunkId) {
      // A chunk that comes again because the one before it was not acknowledged yet.
      if (gathering !== undefined && chunkId < gathering.parts.length) return { kind: 'kept' }
      return this.#give(uuid, id, `chunk ${chunkId} of ${chunkCount} came without those before it`)
    }
    gathering.parts.push(entry.payload)
    gathering.sizeBytes += entry.payload.length
    if (gathering.sizeBytes > Math.min(maxMessageBytes, totalChunkBytes)) {
      return this.#give(uuid, id, `its chunks are more than the ${totalChunkBytes} bytes that were announced`)
    }
    if (chunkId < chunkCount - 1) {
      gathering.ids.push(id)
      return { kind: 'kept' }
    }
    this.#gathering.delete(uuid)
    return { kind: 'whole', entry: { ...entry, payload: Buffer.concat(gathering.parts) }, earlier: gathering.ids }
  }

  #begin(uuid: string): void {
    if (this.#gathering.has(uuid)) return
    const oldest = this.#gathering.size >= maxGathering ? this.#gathering.keys().next().value : undefined
    if (oldest !== undefined) this.#gathering.delete(oldest)
    this.#gathering.set(uuid, { parts: [], ids: [], sizeBytes: 0 })
  }

  #give(uuid: string, id: EntryId, words: string): ChunkOutcome {
    const earlier = (this.#gathering.get(uuid)?.ids ?? []).filter((one) => one !== id)
    this.#gathering.delete(uuid)
    return { kind: 'broken', fault: new PulsarFault('protocol', '', words), earlier }
  }
}
