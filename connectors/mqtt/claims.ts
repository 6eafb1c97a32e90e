import { constants } from 'node:fs'
import { type FileHandle, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Delivery } from 'trestle/contract'

/*
 * The file of a connection's QoS 2 messages, records of 32 bytes, little endian, appended:
 *
 *   0  u8   kind: 1 claimed, 2 received, 3 complete, 4 void
 *   2  u16  packet identifier
 *   4  u32  index of the delivery
 *   8  f64  position of the delivery
 *   16 f64  arrival of its message (a journal that was put back gives positions twice)
 *   28 u32  CRC-32 of the 28 bytes before
 *
 * `claimed` is on disk before the PUBLISH leaves, `received` before the PUBREL; so a hub that was killed knows which
 * identifiers the server may hold, and for what. Nothing counts from the first record on that is torn.
 */
const recordBytes = 32
const maxFileBytes = 4 << 20
/** Deliveries that are remembered as complete: more than the hub can hand over again after a crash. */
const maxComplete = 65_536

const Kind = { Claimed: 1, Received: 2, Complete: 3, Void: 4 } as const

/** A packet identifier that is bound to a delivery. */
export interface Claim {
  readonly packetId: number
  readonly position: number
  readonly index: number
  readonly timeMs: number
  /** The server has the message; only the end of the exchange is missing. */
  received: boolean
  /** It may have left before: sent again it carries DUP. */
  sent: boolean
}

/** Which delivery has which packet identifier, over lost connections and restarts: what makes QoS 2 exactly once. */
export class Claims {
  readonly #path: string
  readonly #byKey = new Map<string, Claim>()
  readonly #byId = new Map<number, Claim>()
  readonly #complete = new Set<string>()
  #file: FileHandle | null = null
  #isNew = true
  #sizeBytes = 0
  #pending: Buffer[] = []
  #saving: Promise<void> = Promise.resolve()

  private constructor(path: string) {
    this.#path = path
  }

  /** Reads what is there. *Errors*: as Node has them. */
  static async open(path: string): Promise<Claims> {
    const claims = new Claims(path)
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    })
    claims.#isNew = bytes === null
    if (bytes !== null) claims.#replay(bytes)
    return claims
  }

  /** There was no file: what a server still holds for this client is unknown. */
  get isNew(): boolean {
    return this.#isNew
  }

  /** To be called when the server holds nothing that is not known here, and before anything is noted. */
  async begin(): Promise<void> {
    if (this.#file !== null) return
    await this.#rewrite()
    this.#isNew = false
  }

  get open(): Iterable<Claim> {
    return this.#byId.values()
  }

  get openCount(): number {
    return this.#byId.size
  }

  has(packetId: number): boolean {
    return this.#byId.has(packetId)
  }

  isComplete(delivery: Delivery): boolean {
    return this.#complete.has(keyOf(delivery.position, delivery.index, delivery.message.timeMs))
  }

  find(delivery: Delivery): Claim | undefined {
    return this.#byKey.get(keyOf(delivery.position, delivery.index, delivery.message.timeMs))
  }

  /** Binds an identifier; `save` must have come back before the PUBLISH leaves. */
  claim(packetId: number, { position, index, message }: Delivery): Claim {
    const claim: Claim = { packetId, position, index, timeMs: message.timeMs, received: false, sent: false }
    this.#add(claim)
    this.#note(Kind.Claimed, claim)
    return claim
  }

  /** The server has said PUBREC; `save` must have come back before the PUBREL leaves. */
  received(packetId: number): void {
    const claim = this.#byId.get(packetId)
    if (claim === undefined) return
    claim.received = true
    this.#note(Kind.Received, claim)
  }

  complete(packetId: number): void {
    const claim = this.#byId.get(packetId)
    if (claim === undefined) return
    this.#end(claim, true)
    this.#note(Kind.Complete, claim)
  }

  /** The server does not have it and never will under this identifier. */
  void(packetId: number): void {
    const claim = this.#byId.get(packetId)
    if (claim === undefined) return
    this.#end(claim, false)
    this.#note(Kind.Void, claim)
  }

  /** Appends what was noted. With `sync` it is on the disk then. */
  save(sync: boolean): Promise<void> {
    this.#saving = this.#saving.then(() => this.#append(sync))
    return this.#saving
  }

  async close(): Promise<void> {
    await this.save(false).catch(() => this.#pending.splice(0))
    await this.#file?.close()
    this.#file = null
  }

  async #append(sync: boolean): Promise<void> {
    if (this.#pending.length > 0) {
      const bytes = Buffer.concat(this.#pending.splice(0))
      await this.#file?.write(bytes, 0, bytes.length, this.#sizeBytes)
      this.#sizeBytes += bytes.length
    }
    if (sync) await this.#file?.datasync()
    if (this.#sizeBytes > maxFileBytes) await this.#rewrite()
  }

  #note(kind: number, claim: Claim): void {
    this.#pending.push(record(kind, claim))
  }

  #add(claim: Claim): void {
    const before = this.#byId.get(claim.packetId)
    if (before !== undefined) this.#end(before, false)
    this.#byId.set(claim.packetId, claim)
    this.#byKey.set(keyOf(claim.position, claim.index, claim.timeMs), claim)
  }

  #end(claim: Claim, isComplete: boolean): void {
    const key = keyOf(claim.position, claim.index, claim.timeMs)
    this.#byId.delete(claim.packetId)
    this.#byKey.delete(key)
    if (isComplete) this.#remember(key)
  }

  #remember(key: string): void {
    this.#complete.add(key)
    if (this.#complete.size > maxComplete) this.#complete.delete(this.#complete.values().next().value!)
  }

  #replay(bytes: Buffer): void {
    for (let at = 0; at + recordBytes <= bytes.length; at += recordBytes) {
      const body = bytes.subarray(at, at + 28)
      if (bytes.readUInt32LE(at + 28) !== crc32(body)) return
      const packetId = body.readUInt16LE(2)
      const claim = this.#byId.get(packetId)
      const kind = body[0]!
      const read: Claim = {
        packetId,
        index: body.readUInt32LE(4),
        position: body.readDoubleLE(8),
        timeMs: body.readDoubleLE(16),
        received: false,
        sent: true,
      }
      if (kind === Kind.Claimed) this.#add(read)
      else if (kind === Kind.Complete && claim === undefined)
        this.#remember(keyOf(read.position, read.index, read.timeMs))
      else if (claim === undefined) continue
      else if (kind === Kind.Received) claim.received = true
      else this.#end(claim, kind === Kind.Complete)
    }
  }

  /** Writes anew what still matters, in a file that takes the old one's place at once. */
  async #rewrite(): Promise<void> {
    const records: Buffer[] = []
    for (const key of this.#complete) {
      const [position = 0, index = 0, timeMs = 0] = key.split('/').map(Number)
      records.push(record(Kind.Complete, { packetId: 0, position, index, timeMs, received: true, sent: true }))
    }
    for (const claim of this.#byId.values()) {
      records.push(record(Kind.Claimed, claim))
      if (claim.received) records.push(record(Kind.Received, claim))
    }
    const bytes = Buffer.concat(records)
    const draft = `${this.#path}.new`
    await this.#file?.close()
    this.#file = await open(draft, constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC, 0o600)
    await this.#file.write(bytes, 0, bytes.length, 0)
    await this.#file.datasync()
    await rename(draft, this.#path)
    const folder = await open(dirname(this.#path), 'r')
    await folder.sync().finally(() => folder.close())
    this.#sizeBytes = bytes.length
  }
}

const keyOf = (position: number, index: number, timeMs: number): string => `${position}/${index}/${timeMs}`

function record(kind: number, claim: Claim): Buffer {
  const bytes = Buffer.alloc(recordBytes)
  bytes[0] = kind
  bytes.writeUInt16LE(claim.packetId, 2)
  bytes.writeUInt32LE(claim.index, 4)
  bytes.writeDoubleLE(claim.position, 8)
  bytes.writeDoubleLE(claim.timeMs, 16)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 28)), 28)
  return bytes
}
