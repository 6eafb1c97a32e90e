/**
 * Rules that remember: `once`, `changed`, `at_most` and `window`, each with a state per key.
 *
 * It promises: what is decided depends on the messages, their times and what was kept before, on nothing else; deciding
 * changes nothing, so that a message which is not taken after all has left no trace; what is kept is bounded, and what
 * happens at the bound is counted. It does no I/O: `changes` is what a message would alter, and whoever has put that on
 * disk calls `apply` with its place there.
 *
 * `clause` is the rule file's part and compiles it; `filter-table` keeps what has passed (`once`, `changed`, `at_most`),
 * `gather-table` what is being gathered (`window`, `at_most` with `keep: last`); `gather-row` is one window in a snapshot;
 * `key-list` holds their keys, `limits` bounds them all together; `aggregate` folds values; `stored-value` makes a value fit
 * for keeping; `duration` reads `10m`; `carry-over` hands it all to other rules.
 */
import { TrestleError } from '../../contract/error.ts'
import type { Message } from '../../contract/message.ts'
import type { Evaluate, Scope, Site } from '../expression/scope.ts'
import { failed } from '../expression/value.ts'
import type { FilterTable } from './filter-table.ts'
import type { GatherTable } from './gather-table.ts'
import type { StoredValue } from './stored-value.ts'

/** What one clause keeps. */
export type StateTable = FilterTable | GatherTable

/** What one message alters in one table. *Shape*: `input` is data that JSON keeps as it is. */
export interface StateChange {
  readonly rule: string
  readonly table: StateTable
  readonly key: string
  readonly input: readonly unknown[]
  /** The message that is gathered, or has passed. */
  readonly message: Message
}

/** What all rules together would alter, and what their decisions rest on. One object serves all messages of a thread. */
export class StateChanges {
  readonly list: StateChange[] = []
  /** Place on disk of what let a message be dropped: nobody may hear of the drop before that is safe. */
  restsOn = 0
  /** Why the message cannot be taken now. */
  blocked: TrestleError | null = null

  reset(): void {
    this.keep(0)
    this.restsOn = 0
    this.blocked = null
  }

  /** Keeps the first ones only: a rule that failed takes back what it had decided. */
  keep(count: number): void {
    while (this.list.length > count) this.list.pop()
  }

  /** What an earlier rule's turn with the same message has decided on a key. */
  pending(table: StateTable, key: string): StateChange | null {
    for (let at = this.list.length - 1; at >= 0; at--) {
      const change = this.list[at]!
      if (change.table === table && change.key === key) return change
    }
    return null
  }

  /** They are on disk, or on their way, at `position`. */
  apply(position: number): void {
    for (const { table, key, input, message } of this.list) table.apply(key, input, message, position)
  }
}

/** What became of a message: it goes on, is let go, or was gathered and goes on as part of something later. */
export type StateVerdict = 'passed' | 'dropped' | 'gathered'

/** One clause that lets messages through or not. */
export interface FilterStep {
  readonly key: Evaluate
  /** Gives a `StoredValue`; null: only the key counts. */
  readonly value: Evaluate | null
  /** Of the rule before it, where the clause has not changed. */
  table: FilterTable
}

/** The clause that gathers messages. */
export interface GatherStep {
  readonly key: Evaluate
  readonly inputs: readonly Evaluate[]
  /** As of a filter. */
  table: GatherTable
}

/** Longest key of a state. *Unit*: characters. */
const maxKeyLength = 1024

/** The state clauses of one rule, in the order in which they are asked. */
export class RuleState {
  readonly rule: string
  readonly filters: readonly FilterStep[]
  readonly gather: GatherStep | null
  readonly site: Site
  /** False while what it keeps is not known: nothing is decided then. */
  isReady = true

  constructor(rule: string, filters: readonly FilterStep[], gather: GatherStep | null, site: Site) {
    this.rule = rule
    this.filters = filters
    this.gather = gather
    this.site = site
  }

  /** All that it keeps. */
  get tables(): readonly StateTable[] {
    const tables: StateTable[] = this.filters.map(({ table }) => table)
    return this.gather === null ? tables : [...tables, this.gather.table]
  }

  /**
   * Judges the scope's message and notes in `changes` what it would alter; a message that one clause drops leaves no
   * trace in any. *Errors*: `failed`, with the reason in the scope.
   */
  decide(scope: Scope, changes: StateChanges): StateVerdict | typeof failed {
    const before = changes.list.length
    const { message } = scope
    if (!this.isReady) {
      changes.blocked ??= new TrestleError('E504', `what rule ${this.rule} keeps is being read back from disk`)
      return 'dropped'
    }
    for (const step of this.filters) {
      const key = this.#keyOf(step.key, scope)
      if (key === failed) return this.#undo(changes, before)
      const value = step.value === null ? null : step.value(scope)
      if (value === failed) return this.#undo(changes, before)
      const { table } = step
      const pending = changes.list.length === 0 ? null : changes.pending(table, key as string)
      if (!table.lets(key as string, message.timeMs, value as StoredValue, pending?.input ?? null)) {
        changes.keep(before)
        if (pending === null) changes.restsOn = Math.max(changes.restsOn, table.positionOf(key as string))
        return 'dropped'
      }
      const input = table.inputOf(message.timeMs, value as StoredValue)
      changes.list.push({ rule: this.rule, table, key: key as string, input, message })
    }
    return this.gather === null ? 'passed' : this.#gather(this.gather, scope, changes, before)
  }

  #gather(step: GatherStep, scope: Scope, changes: StateChanges, before: number): StateVerdict | typeof failed {
    const { table, inputs } = step
    const { message } = scope
    const key = this.#keyOf(step.key, scope)
    if (key === failed) return this.#undo(changes, before)
    const input: unknown[] = [table.windowOf(message.timeMs)]
    for (const evaluate of inputs) {
      const value = evaluate(scope)
      if (value === failed) return this.#undo(changes, before)
      input.push(value)
    }
    changes.blocked ??= table.blocked(key as string, input[0] as number)
    changes.list.push({ rule: this.rule, table, key: key as string, input, message })
    return 'gathered'
  }

  #keyOf(evaluate: Evaluate, scope: Scope): unknown {
    const key = evaluate(scope)
    if (key === failed || (key as string).length <= maxKeyLength) return key
    return scope.fail(this.site, `by: a key of ${(key as string).length} characters is longer than ${maxKeyLength}`)
  }

  #undo(changes: StateChanges, before: number): typeof failed {
    changes.keep(before)
    return failed
  }
}
