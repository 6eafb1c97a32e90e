import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

/** A bit for each packet identifier. */
const sizeBytes = 8192

/** By path: a source that is made anew finds what an earlier one still has with the hub. */
const known = new Map<string, Taken>()

/**
 * Packet identifiers of QoS 2 messages that are here and that the server has not released: what it sends again under
 * one of them, with DUP, is a repeat. Safe ones are on disk before the PUBREC, and gone from there before the PUBCOMP,
 * after which the server may use the identifier for another message.
 *
 * *Shape*: a file of 8,192 bytes, bit n of byte m for identifier 8 m + n.
 */
export class Taken {
  /** Is told when the hub has answered for an identifier: whether it is safe. */
  onAnswered: (packetId: number, isSafe: boolean) => void = () => {}
  /** Counts the sessions: what belongs to an earlier one says nothing of this. */
  session = 0
  readonly #bits = Buffer.alloc(sizeBytes)
  /** With the hub, which has not answered. */
  readonly #pending = new Set<number>()
  #file: FileHandle | null = null
  #saving: Promise<void> = Promise.resolve()

  static async open(path: string): Promise<Taken> {
    const taken = known.get(path) ?? new Taken()
    if (taken.#file === null) {
      taken.#file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600)
      // What is in memory is newer.
      if (!known.has(path)) await taken.#file.read(taken.#bits, 0, sizeBytes, 0)
      known.set(path, taken)
    }
    return taken
  }

  isSafe(packetId: number): boolean {
    return ((this.#bits[packetId >> 3]! >> (packetId & 7)) & 1) === 1
  }

  isPending(packetId: number): boolean {
    return this.#pending.has(packetId)
  }

  /** It goes to the hub: a new message, whatever was under this identifier before. */
  begin(packetId: number): void {
    this.#pending.add(packetId)
    this.#clear(packetId)
  }

  /** The hub has answered for an identifier of the given session. */
  answer(packetId: number, session: number, isSafe: boolean): void {
    if (session !== this.session) return
    this.#pending.delete(packetId)
    if (isSafe) this.#bits[packetId >> 3]! |= 1 << (packetId & 7)
    this.onAnswered(packetId, isSafe)
  }

  /** The server has released it. */
  release(packetId: number): void {
    this.#clear(packetId)
  }

  #clear(packetId: number): void {
    this.#bits[packetId >> 3]! &= ~(1 << (packetId & 7))
  }

  /** The session is gone, and its identifiers with it. */
  forget(): void {
    this.#bits.fill(0)
    this.#pending.clear()
    this.session++
  }

  save(): Promise<void> {
    this.#saving = this.#saving.then(async () => {
      await this.#file?.write(this.#bits, 0, sizeBytes, 0)
      await this.#file?.datasync()
    })
    return this.#saving
  }

  async close(): Promise<void> {
    this.onAnswered = () => {}
    await this.#saving.catch(() => {
      // Whoever asked for it was told.
    })
    this.#saving = Promise.resolve()
    const file = this.#file
    this.#file = null
    await file?.close()
  }
}
