import type { Flow } from '../flow.ts'
import type { Journal } from '../journal/journal.ts'
import type { Events } from '../telemetry/events.ts'
import type { Connectors } from './connectors.ts'
import { FolderWatch } from './folder-watch.ts'
import { type Plan, readRules } from './plan.ts'
import { type Reloaded, RuleBook } from './rule-book.ts'

interface ReloadOptions {
  readonly plan: Plan
  readonly flow: Flow
  readonly journal: Journal
  /** Made later than this. */
  readonly connectors: () => Connectors
  readonly events: Pick<Events, 'emit'>
}

/** The hub's rule book, where it meets the folders, the flow and the journal; each exchange is told as an event. */
export class Reload {
  readonly book: RuleBook
  readonly #options: ReloadOptions
  #watch: FolderWatch | null = null

  constructor(options: ReloadOptions) {
    const { plan, flow, journal, connectors } = options
    this.#options = options
    this.book = new RuleBook({
      rules: plan.rules,
      texts: plan.texts,
      registry: plan.registry,
      read: () => readRules(plan.settings),
      environment: () => ({ ...connectors().surroundings(), tables: plan.tables }),
      put: (rules) => {
        journal.learn(rules.rules.map(({ name }) => name))
        flow.replaceRules(rules)
      },
    })
  }

  /** *Errors*: as `RuleBook.reload`. */
  async now(): Promise<Reloaded> {
    const { events } = this.#options
    try {
      const told = await this.book.reload()
      events.emit('rules.loaded', { ...told })
      return told
    } catch (thrown) {
      events.emit('rules.refused', { error: (thrown as Error).message })
      throw thrown
    }
  }

  /** From now on whenever files change, if the settings say so. */
  async watch(): Promise<void> {
    const { plan, events } = this.#options
    const { rules, schemas, watch } = plan.settings
    plan.tables.watch(({ file, rows, fault }) => {
      if (fault === null) events.emit('table.loaded', { file, rows })
      else events.emit('table.refused', { file: `${file}:${fault.line}`, error: fault.message })
    })
    if (!watch) return
    const failed = (error: Error): void => events.emit('rules.watch-failed', { error: error.message })
    this.#watch = await FolderWatch.over([rules, schemas], () => this.now().then(told, told), failed)
  }

  close(): void {
    this.#watch?.close()
    this.#options.plan.tables.close()
  }
}

/** What became of it is an event already. */
const told = (): void => undefined
