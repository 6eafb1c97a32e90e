import { type FileHandle, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Delivery } from 'trestle/contract'

/*
 * `pulsar.claims`, in the connector's own folder: which deliveries go out under which numbers, as lines of
 *
 *   <CRC-32 of the JSON, 8 hexadecimal digits> <JSON>
 *
 *   {"t":"persistent://public/default/a","s":7,"m":[1700000000000,1700000000009],"p":[120,1,2],"i":[0,0,1]}
 *                                 to that topic or partition go, numbered from 7 on, the deliveries 120-0, 121-0 and
 *                                 123-1: positions as the difference to the one before; without "i" all are 0. Their
 *                                 messages arrived in that time: a journal that was put back from a copy gives positions
 *                                 a second time, but later
 *   {"t":"…","void":7}            what was claimed from 7 on did not get there; it will have other numbers
 *
 * A claim is written before its entry is sent; that the process may be killed needs no sync. A void is synced: were it
 * lost, the numbers of what is not there could be taken for those of what is. Lines after one that is torn do not
 * count. Beyond `maxBytes` the file becomes `pulsar.claims.old`, and the old one goes.
 */
const fileName = 'pulsar.claims'
const oldName = `${fileName}.old`
const maxFileBytes = 1 << 20
/** Claims of so many deliveries are kept in memory: far more than a hub holds unsettled. */
const maxKeptDeliveries = 100_000

/** The deliveries of one entry, under the numbers `first`, `first + 1` and so on. */
export interface Claim {
  readonly topic: string
  readonly first: number
  /** `position-index` of each. */
  readonly places: readonly string[]
  /** Arrival of the first and the last of their messages. *Unit*: ms since the epoch. */
  readonly fromMs: number
  readonly toMs: number
}

interface Line {
  readonly t: string
  readonly s?: number
  readonly p?: readonly number[]
  readonly i?: readonly number[]
  readonly m?: readonly number[]
  readonly void?: number
}

export class ClaimLog {
  readonly #before: Map<string, readonly Claim[]>
  readonly #folder: string
  #file: FileHandle
  #bytes: number
  #isClosed = false

  static async open(folder: string): Promise<ClaimLog> {
    const old = await textOf(join(folder, oldName))
    const current = await textOf(join(folder, fileName))
    const lines = [...linesOf(current)]
    const whole = lines.reduce((size, { bytes }) => size + bytes, 0)
    const file = await open(join(folder, fileName), 'a')
    // What was torn would hide what is written behind it.
    if (whole < Buffer.byteLength(current)) await file.truncate(whole)
    const before = claimsOf([...linesOf(old), ...lines].map(({ line }) => line))
    return new ClaimLog(folder, file, whole, before)
  }

  private constructor(folder: string, file: FileHandle, bytes: number, before: Map<string, Claim[]>) {
    this.#folder = folder
    this.#file = file
    this.#bytes = bytes
    this.#before = before
  }

  /** What earlier runs claimed for a topic and did not void, in the order of writing. Given once: then it is the caller's. */
  takeBefore(topic: string): readonly Claim[] {
    const claims = this.#before.get(topic) ?? []
    this.#before.delete(topic)
    return claims
  }

  /** Notes claims as `printClaim` gives them. Must be back before their entries are sent. */
  async claim(printed: readonly string[]): Promise<void> {
    await this.#append(printed.map(withSum).join(''))
    if (this.#bytes > maxFileBytes) await this.#turn()
  }

  /** Notes that what was claimed from `first` on is not there. Must be back before anything else is sent to the topic. */
  async void(topic: string, firsts: readonly number[]): Promise<void> {
    await this.#append(firsts.map((first) => withSum(JSON.stringify({ t: topic, void: first }))).join(''))
    await this.#file.datasync()
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#file.close()
  }

  async #append(text: string): Promise<void> {
    if (this.#isClosed) throw new Error('the claim log is closed')
    const { bytesWritten } = await this.#file.write(text)
    this.#bytes += bytesWritten
  }

  async #turn(): Promise<void> {
    // A void in the new file may speak of the old one: both must survive in their order.
    await this.#file.datasync()
    await rename(join(this.#folder, fileName), join(this.#folder, oldName))
    const file = await open(join(this.#folder, fileName), 'a')
    await this.#file.close()
    this.#file = file
    this.#bytes = 0
  }
}

/** A claim as the file has it. */
export function printClaim(topic: string, first: number, deliveries: readonly Delivery[]): string {
  let before = 0
  let deltas = ''
  let isPlain = true
  let fromMs = Number.POSITIVE_INFINITY
  let toMs = 0
  for (const { position, index, message } of deliveries) {
    deltas += `${deltas === '' ? '' : ','}${position - before}`
    before = position
    if (index !== 0) isPlain = false
    if (message.timeMs < fromMs) fromMs = message.timeMs
    if (message.timeMs > toMs) toMs = message.timeMs
  }
  const rest = isPlain ? '' : `,"i":[${deliveries.map(({ index }) => index).join()}]`
  return `{"t":${JSON.stringify(topic)},"s":${first},"m":[${fromMs},${toMs}],"p":[${deltas}]${rest}}`
}

const withSum = (json: string): string => `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

function* linesOf(text: string): Generator<{ line: Line; bytes: number }> {
  for (const line of text.split('\n').slice(0, -1)) {
    const json = line.slice(9)
    if (line.slice(0, 8) !== crc32(json).toString(16).padStart(8, '0')) return
    yield { line: JSON.parse(json) as Line, bytes: Buffer.byteLength(line) + 1 }
  }
}

function claimsOf(lines: readonly Line[]): Map<string, Claim[]> {
  const byTopic = new Map<string, Claim[]>()
  for (const { t: topic, s, p, i, m, void: first } of lines) {
    const claims = byTopic.get(topic) ?? []
    byTopic.set(topic, claims)
    if (s !== undefined && p !== undefined) {
      claims.push({ topic, first: s, places: placesOf(p, i), fromMs: m?.[0] ?? 0, toMs: m?.[1] ?? 0 })
    }
    if (first !== undefined) remove(claims, first)
  }
  return newest(byTopic)
}

function placesOf(deltas: readonly number[], indexes: readonly number[] | undefined): string[] {
  let position = 0
  return deltas.map((delta, at) => {
    position += delta
    return `${position}-${indexes?.[at] ?? 0}`
  })
}

function remove(claims: Claim[], first: number): void {
  for (let at = claims.length - 1; at >= 0; at--) if (claims[at]!.first === first) claims.splice(at, 1)
}

/** The newest of each topic, together not more than fits; the highest of each topic always stays, for its number. */
function newest(byTopic: Map<string, Claim[]>): Map<string, Claim[]> {
  const kept = new Map<string, Claim[]>()
  const share = Math.max(1, Math.floor(maxKeptDeliveries / Math.max(1, byTopic.size)))
  for (const [topic, claims] of byTopic) {
    let count = 0
    let at = claims.length
    while (at > 0 && count < share) count += claims[--at]!.places.length
    if (claims.length > 0) kept.set(topic, claims.slice(at))
  }
  return kept
}
