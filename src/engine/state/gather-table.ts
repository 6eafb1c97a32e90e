import { TrestleError } from '../../contract/error.ts'
import type { Message } from '../../contract/message.ts'
import { Fold } from './aggregate.ts'
import { type Gathered, type GatherRow, gatheredOf, rowOf } from './gather-row.ts'
import { KeyList } from './key-list.ts'
import { entryBytes, hardFactor, StateLimits } from './limits.ts'
import { ownText } from './stored-value.ts'

/** What must be known of a table to go on with its windows when its rule is gone. */
export interface GatherForm {
  readonly everyMs: number
  /** null: the last message is what is kept. */
  readonly kinds: Fold['kinds'] | null
}

/** How a table gathers. */
export interface GatherOptions {
  /** `<rule>/<clause>#<hash of the clause>`. */
  readonly id: string
  readonly everyMs: number
  /** null: the last message itself is kept. */
  readonly fold: Fold | null
  readonly maxKeys: number
  readonly limits: StateLimits
}

/**
 * Windows that are being filled, by their start and key: for `window`, and `at_most` with `keep: last`. A message belongs to
 * the window in which it arrived; one whose window is closed already counts in the oldest that is not. At the bound the
 * oldest are closed early; where even that is not enough nothing more is taken.
 */
export class GatherTable {
  readonly kind = 'gather'
  readonly id: string
  readonly options: GatherOptions
  limits: StateLimits
  bytes = 0
  keys = 0
  /** Every window that ended by then is closed. *Unit*: ms since the epoch. */
  closedUpToMs = 0
  /** Messages that came after their window was closed. */
  late = 0
  /** Windows that were closed early because of the bound. */
  early = 0
  /** Told of each window that is begun: when it is due. */
  onBegun: (dueMs: number) => void = () => {}
  /** Told when there are more windows than there is room for. */
  onCrowded: () => void = () => {}
  readonly #windows = new Map<number, KeyList<Gathered>>()

  constructor(options: GatherOptions) {
    this.options = options
    this.id = options.id
    this.limits = options.limits
  }

  /** A table for windows that no rule fills any more. */
  static ofForm(id: string, { everyMs, kinds }: GatherForm): GatherTable {
    const fold = kinds === null ? null : new Fold(kinds)
    return new GatherTable({ id, everyMs, fold, maxKeys: Number.POSITIVE_INFINITY, limits: new StateLimits() })
  }

  get form(): GatherForm {
    return { everyMs: this.options.everyMs, kinds: this.options.fold?.kinds ?? null }
  }

  /** Whether a key's window is open. */
  has(key: string, startMs: number): boolean {
    return this.#windows.get(startMs)?.get(key) !== undefined
  }

  /** The window a message of this time belongs to. */
  windowOf(timeMs: number): number {
    const { everyMs } = this.options
    return Math.max(Math.floor(timeMs / everyMs) * everyMs, this.closedUpToMs)
  }

  /** Why one more window cannot be begun; null when it can. */
  blocked(key: string, startMs: number): TrestleError | null {
    const { maxKeys } = this.options
    const { bytes, maxBytes } = this.limits
    if (this.keys < maxKeys && bytes < maxBytes) return null
    if (this.has(key, startMs) && bytes < maxBytes * hardFactor) return null
    if (this.keys < maxKeys * hardFactor && bytes < maxBytes * hardFactor) return null
    const [label] = this.id.split('#')
    const what = this.keys < maxKeys * hardFactor ? `${maxBytes} bytes` : `${maxKeys} keys`
    return new TrestleError('E406', `the windows of ${label} hold their limit of ${what}, and cannot be closed now`)
  }

  /** Takes a message in (`[window, …values]`), or closes a window (`['close', window]`). */
  apply(key: string, input: readonly unknown[], message: Message, position: number): void {
    if (input[0] === 'close') this.#close(key, input[1] as number, position)
    else this.#add(key, input, message, position)
  }

  /** When the oldest window is due; Infinity when there is none. *Unit*: ms since the epoch. */
  get dueMs(): number {
    const oldest = this.#oldest()
    return oldest === null ? Number.POSITIVE_INFINITY : oldest + this.options.everyMs
  }

  /** One that ended by `nowMs`, oldest first; none that ended by then takes anything more. Null when there is none. */
  nextDue(nowMs: number): Gathered | null {
    const { dueMs } = this
    if (dueMs > nowMs) return null
    this.closedUpToMs = Math.max(this.closedUpToMs, dueMs)
    return this.#first()
  }

  /** The oldest, when there is no room for as many. */
  nextEarly(): Gathered | null {
    return this.#isCrowded ? this.#first() : null
  }

  get #isCrowded(): boolean {
    return this.keys > this.options.maxKeys || this.limits.isFull
  }

  /** The oldest, if any: for a rule that is no more. */
  next(): Gathered | null {
    return this.#first()
  }

  /** What a window has become, as a message: of its last one, with the values for a payload. */
  messageOf({ key, startMs, state, last }: Gathered, isPartial: boolean): Message {
    const { fold, everyMs } = this.options
    if (fold === null) return last
    const endMs = startMs + everyMs
    const payload = Object.fromEntries([
      ...fold.results(state),
      ['key', key],
      ['start', new Date(startMs).toISOString()],
      ['end', new Date(endMs).toISOString()],
      ['partial', isPartial],
    ])
    return { ...last, payload: Buffer.from(JSON.stringify(payload)), timeMs: isPartial ? last.timeMs : endMs }
  }

  *rows(): Generator<GatherRow> {
    for (const window of this.#windows.values()) for (const gathered of window.walk()) yield rowOf(gathered)
  }

  restore(row: GatherRow): void {
    const gathered = gatheredOf(row)
    this.#windowAt(gathered.startMs).add(gathered)
    this.keys++
    this.#weigh(weightOf(gathered))
  }

  /** As of a filter table. */
  moveTo(limits: StateLimits): void {
    this.limits.bytes -= this.bytes
    this.limits = limits
    limits.bytes += this.bytes
  }

  clear(): void {
    this.limits.bytes -= this.bytes
    this.bytes = 0
    this.keys = 0
    this.closedUpToMs = 0
    this.#windows.clear()
  }

  #add(key: string, input: readonly unknown[], message: Message, position: number): void {
    const startMs = input[0] as number
    const { fold } = this.options
    const window = this.#windowAt(startMs)
    let gathered = window.get(key)
    if (gathered !== undefined && position <= gathered.restored) return
    if (startMs > message.timeMs) this.late++
    const last = fold === null ? wholeOf(message) : headOf(message)
    if (gathered === undefined) {
      const state = fold?.begin() ?? []
      gathered = {
        key: ownText(key),
        startMs,
        count: 0,
        state,
        last,
        position,
        restored: -1,
        previous: null,
        next: null,
      }
      window.add(gathered)
      this.keys++
    } else this.#weigh(-weightOf(gathered))
    gathered.count++
    fold?.add(gathered.state, input)
    gathered.last = last
    gathered.position = position
    this.#weigh(weightOf(gathered))
    if (this.#isCrowded) this.onCrowded()
  }

  #close(key: string, startMs: number, position: number): void {
    const window = this.#windows.get(startMs)
    const gathered = window?.get(key)
    if (window === undefined || gathered === undefined || position <= gathered.restored) return
    window.remove(gathered)
    this.keys--
    this.#weigh(-weightOf(gathered))
    if (window.size === 0) this.#windows.delete(startMs)
  }

  #windowAt(startMs: number): KeyList<Gathered> {
    let window = this.#windows.get(startMs)
    if (window === undefined) {
      window = new KeyList()
      this.#windows.set(startMs, window)
      this.onBegun(startMs + this.options.everyMs)
    }
    return window
  }

  /** There are hardly ever more than two. */
  #oldest(): number | null {
    let oldest: number | null = null
    for (const startMs of this.#windows.keys()) if (oldest === null || startMs < oldest) oldest = startMs
    return oldest
  }

  #first(): Gathered | null {
    const oldest = this.#oldest()
    return oldest === null ? null : this.#windows.get(oldest)!.first
  }

  #weigh(bytes: number): void {
    this.bytes += bytes
    this.limits.bytes += bytes
  }
}

/** What of the last message goes with a window's values: who sent it and where to. */
const headOf = ({ topic, client, username, source, qos, timeMs }: Message): Message => ({
  topic,
  payload: nothing,
  qos,
  retain: false,
  properties: null,
  client,
  username,
  source,
  timeMs,
})

/** A message that stays: its bytes may be views into a buffer that is used again. */
const wholeOf = (message: Message): Message => {
  const correlationData = message.properties?.correlationData
  const properties =
    correlationData === undefined
      ? message.properties
      : { ...message.properties, correlationData: Buffer.from(correlationData) }
  return { ...message, payload: Buffer.from(message.payload), properties }
}

const nothing = new Uint8Array(0)

function weightOf({ key, state, last }: Gathered): number {
  let bytes = 2 * entryBytes + key.length + last.topic.length + last.client.length + last.payload.length
  for (const value of state) bytes += typeof value === 'string' ? 24 + value.length : 8
  return bytes
}
