import type { TriedSchema } from '../api/port.ts'
import { TrestleError } from '../contract/error.ts'
import { mirror } from '../registry/mirror.ts'
import type { Fetched, OtherRegistry, OtherRegistryAnswer } from '../registry/other-registry.ts'
import type { Registry } from '../registry/registry.ts'
import type { RegistryStore } from '../registry/store.ts'
import type { Events } from '../telemetry/events.ts'
import type { RuleBook } from './rule-book.ts'

interface CopiedSchemasOptions {
  readonly other: OtherRegistry
  readonly store: RegistryStore
  readonly book: () => RuleBook
  readonly events: Pick<Events, 'emit'>
  /** Compiles a schema where it can do no harm. *Errors*: 42201. */
  readonly tryOut: (schema: TriedSchema) => Promise<void>
  /** How often new versions are asked for. *Unit*: ms. */
  readonly refreshMs: number
  readonly now?: () => number
}

/** Ids that are asked for at a time. */
const maxAsked = 8
/** Ids that are remembered as being nobody's, so that nobody is asked again and again. */
const maxUnknown = 10_000
/** So long changes are gathered before the copy is written. *Unit*: ms. */
const copyMs = 200
/** How long an id that nobody has is believed to stay so. *Unit*: ms. */
const unknownMs = 30_000

/**
 * A copy of another registry that is kept fresh: ids are asked for once, when the first message names them, and known for
 * ever; names every so often. Never does a message wait for the other registry: one of an unknown id is held back by its
 * source until the id is known, or known to be nobody's.
 */
export class CopiedSchemas {
  readonly #options: CopiedSchemasOptions
  readonly #asked = new Map<number, Promise<void>>()
  /** Ids nobody has, and until when that is believed. */
  readonly #unknown = new Map<number, number>()
  /** Newest versions that do not go with the rules, by subject: told once. */
  readonly #refused = new Map<string, number>()
  #away = false
  #timer: NodeJS.Timeout | null = null
  #copying: NodeJS.Timeout | null = null
  #stopped = false

  constructor(options: CopiedSchemasOptions) {
    this.#options = options
  }

  /** Writes the copy down, and keeps it fresh from now on. */
  start(registry: Registry): void {
    registry.onUnknownId((id) => this.#ask(id))
    this.#copySoon()
    this.#wait()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (this.#copying !== null) await this.#copy()
  }

  /** Waits until no id is being asked for, and the copy is written. */
  async settled(): Promise<void> {
    await Promise.all(this.#asked.values())
    if (this.#copying !== null) await this.#copy()
  }

  /** Looks for new versions of what rules name. */
  async refresh(): Promise<void> {
    const { other, book } = this.#options
    for (const [subject, versions] of book().registry.wanted) {
      for (const version of versions) {
        const known = book().registry.live(subject)
        if (version !== null && known.some((entry) => entry.version === version)) continue
        const fetched = await this.#guarded(() => other.version(subject, version ?? 'latest'))
        if (fetched !== null) await this.#take(fetched)
      }
    }
  }

  /** Passes a request of the registry's API on. *Errors*: E308. */
  async forward(method: string, path: string, body: string | undefined): Promise<OtherRegistryAnswer> {
    const answer = await this.#options.other.ask(method, path, body)
    // What was changed there is used here at once, and not only at the next look.
    if (method !== 'GET' && answer.status < 300) void this.#told(this.refresh())
    return answer
  }

  #wait(): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => void this.#told(this.refresh()).then(() => this.#wait()), this.#options.refreshMs)
    this.#timer.unref()
  }

  /** Whether an id may soon be known; the first to ask sets out to find it. */
  #ask(id: number): boolean {
    const now = this.#now()
    if ((this.#unknown.get(id) ?? 0) > now) return false
    if (this.#asked.has(id) || this.#asked.size >= maxAsked) return true
    this.#asked.set(
      id,
      this.#told(this.#find(id)).finally(() => this.#asked.delete(id)),
    )
    return true
  }

  async #find(id: number): Promise<void> {
    const { other, events } = this.#options
    const fetched = await this.#guarded(() => other.ofId(id))
    if (fetched === null && this.#away) return
    if (fetched === null) events.emit('schema.unknown-id', { id })
    else if (await this.#take(fetched)) return
    if (this.#unknown.size >= maxUnknown) this.#unknown.clear()
    this.#unknown.set(id, this.#now() + unknownMs)
  }

  /** Puts versions among the others; where the rules cannot live with one, only its id leads there. false: it does not. */
  async #take(fetched: readonly Fetched[]): Promise<boolean> {
    const { book, events } = this.#options
    const keep = async (): Promise<void> => this.#copySoon()
    const last = fetched.at(-1)!
    if (this.#refused.get(last.subject) === last.version) return book().registry.ofId(last.id) !== null
    try {
      await this.#tryOut(fetched)
      await book().changeSchemas((now) => mirror(now, fetched), keep)
    } catch (thrown) {
      const { code, message } = TrestleError.from(thrown)
      if (code === 'E305') {
        this.#refused.set(last.subject, last.version)
        await book()
          .changeSchemas((now) => mirror(now, fetched, true), keep)
          .catch((again) => events.emit('schema.refused', { subject: last.subject, error: (again as Error).message }))
      }
      if (code === 'E302') this.#refused.set(last.subject, last.version)
      events.emit('schema.refused', { subject: last.subject, version: last.version, error: message })
    }
    return book().registry.ofId(last.id) !== null
  }

  /** *Errors*: 42201. */
  async #tryOut(fetched: readonly Fetched[]): Promise<void> {
    const { registry } = mirror(this.#options.book().registry, fetched)
    for (const { subject, version } of fetched) {
      const entry = registry.all(subject).find((one) => one.version === version)
      if (entry !== undefined) await this.#options.tryOut(entry.content)
    }
  }

  /** What is copied can be asked for again: nothing waits for the disk, and many changes are one. */
  #copySoon(): void {
    this.#copying ??= setTimeout(() => void this.#copy(), copyMs)
  }

  async #copy(): Promise<void> {
    if (this.#copying !== null) clearTimeout(this.#copying)
    this.#copying = null
    const { store, book, events } = this.#options
    await store
      .save(book().registry)
      .catch((thrown: Error) => events.emit('registry.copy-failed', { error: thrown.message }))
  }

  /** null also while the other registry is away, which is told once. */
  async #guarded<T>(work: () => Promise<T | null>): Promise<T | null> {
    try {
      const found = await work()
      if (this.#away) this.#options.events.emit('registry.back', { url: this.#options.other.url })
      this.#away = false
      return found
    } catch (thrown) {
      if (!this.#away) this.#options.events.emit('registry.away', { error: (thrown as Error).message })
      this.#away = true
      return null
    }
  }

  /** Work that nobody waits for: what was not foreseen in it is told, and ends nothing else. */
  async #told(work: Promise<void>): Promise<void> {
    await work.catch((thrown: Error) => this.#options.events.emit('hub.fault', { error: thrown }))
  }

  #now(): number {
    return (this.#options.now ?? Date.now)()
  }
}
