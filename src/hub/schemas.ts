import type { SchemaPort, TriedSchema } from '../api/port.ts'
import type { Fault } from '../document/fault.ts'
import type { Changed } from '../registry/changed.ts'
import type { Registry } from '../registry/registry.ts'
import { notPermitted } from '../registry/registry-error.ts'
import type { Events } from '../telemetry/events.ts'
import { CopiedSchemas } from './copied-schemas.ts'
import type { RuleBook } from './rule-book.ts'
import type { SchemaSource } from './schema-source.ts'
import { SchemaTrial } from './schema-trial.ts'

interface SchemasOptions {
  readonly book: () => RuleBook
  /** null when the schemas lie in a folder, which the API does not change. */
  readonly source: SchemaSource | null
  /** The folder, for the words of a refusal. */
  readonly folder: string
  readonly events: Pick<Events, 'emit'>
  readonly refreshMs: number
}

/** The schemas of a running hub: a change is compiled with the rules, written down, and takes effect between two messages. */
export class Schemas implements SchemaPort {
  readonly #options: SchemasOptions

  readonly #copied: CopiedSchemas | null
  readonly #trial = new SchemaTrial()
  readonly forward: SchemaPort['forward']

  constructor(options: SchemasOptions) {
    this.#options = options
    const { source, book, events, refreshMs } = options
    const tryOut = (schema: TriedSchema): Promise<void> => this.tryOut(schema)
    const copied =
      source === null || source.other === null
        ? null
        : new CopiedSchemas({ other: source.other, store: source.store, book, events, refreshMs, tryOut })
    this.#copied = copied
    this.forward = copied === null ? null : (method, path, body) => copied.forward(method, path, body)
  }

  /** From now on another registry is asked for what is new there, if there is one. *Errors*: E501. */
  async start(): Promise<void> {
    const { source } = this.#options
    if (source?.isNew) await source.store.save(this.registry)
    this.#copied?.start(this.registry)
  }

  async stop(): Promise<void> {
    await this.#copied?.stop()
    await this.#trial.close()
  }

  tryOut(schema: TriedSchema): Promise<void> {
    return this.#trial.try(schema)
  }

  get registry(): Registry {
    return this.#options.book().registry
  }

  get writable(): boolean {
    return this.#options.source !== null && this.#copied === null
  }

  async change<T>(step: (now: Registry) => Changed<T>): Promise<T> {
    const { book, source, folder, events } = this.#options
    if (this.#copied !== null) throw notPermitted('The schemas of this hub are those of another registry')
    if (source === null)
      throw notPermitted(
        `The schemas of this hub lie in the folder ${folder}: add a file there and reload, or set registry.type to api`,
      )
    let touched: readonly string[] = []
    const answer = await book().changeSchemas(
      (now) => {
        const changed = step(now)
        touched = changed.touched
        return changed
      },
      (next) => source.store.save(next),
    )
    for (const subject of touched) events.emit('schema.changed', { subject })
    return answer
  }

  trial(step: (now: Registry) => Changed<unknown>): readonly Fault[] {
    return this.#options.book().trySchemas(step(this.registry))
  }
}
