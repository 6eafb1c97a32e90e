import type { CompiledRule } from '../compile.ts'
import type { GatherTable } from './gather-table.ts'
import { StateLimits } from './limits.ts'
import type { StateTable } from './state.ts'

/** Windows of a rule that is no more, or gathers in another way now: to be closed early, by the rule as it was. */
export interface LeftWindows {
  readonly rule: CompiledRule
  readonly table: GatherTable
}

/** All tables of a set of rules, by their ids. */
export function tablesOf(rules: readonly CompiledRule[]): Map<string, StateTable> {
  const tables = new Map<string, StateTable>()
  for (const { state } of rules) for (const table of state?.tables ?? []) tables.set(table.id, table)
  return tables
}

/**
 * Hands what the rules keep to the rules that take their place: where a clause is as it was its state goes on, else it
 * begins anew. Answers the windows that nobody fills any more.
 */
export function carryOver(before: readonly CompiledRule[], next: readonly CompiledRule[]): LeftWindows[] {
  const known = tablesOf(before)
  for (const { state } of next) {
    if (state === null) continue
    for (const step of state.filters) step.table = moved(step.table, known)
    if (state.gather !== null) state.gather.table = moved(state.gather.table, known)
  }
  return before.flatMap((rule): LeftWindows[] => {
    const table = rule.state?.gather?.table
    return table !== undefined && known.has(table.id) && table.keys > 0 ? [{ rule, table }] : []
  })
}

function moved<Table extends StateTable>(fresh: Table, known: Map<string, StateTable>): Table {
  const kept = known.get(fresh.id)
  if (kept === undefined || kept.kind !== fresh.kind) return fresh
  known.delete(fresh.id)
  kept.moveTo(fresh.limits)
  return kept as Table
}

/** Makes all tables of a set share one limit. */
export function limitTogether(rules: readonly CompiledRule[], maxBytes?: number): StateLimits {
  const limits = new StateLimits()
  if (maxBytes !== undefined) limits.maxBytes = maxBytes
  for (const table of tablesOf(rules).values()) table.moveTo(limits)
  return limits
}
