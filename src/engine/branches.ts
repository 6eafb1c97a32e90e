import type { DocumentPath } from '../document/source-document.ts'
import type { Expression } from './expression/expression.ts'
import type { ForEach } from './for-each.ts'
import type { PayloadSchema } from './port.ts'
import type { RuleState } from './state/state.ts'
import type { Targets } from './target.ts'

/** One way a rule can go. */
export interface Branch {
  /** Its place among the rule's branches. */
  readonly id: number
  /** `payload`: what cannot be decoded or breaks the schema; `state`: the clauses that keep something per key. */
  readonly at: 'payload' | 'where' | 'state' | 'for_each' | 'target'
  readonly way: 'refused' | 'true' | 'false' | 'dropped' | 'gathered' | 'some' | 'none' | 'taken' | 'left'
  /** Where in the rule's file it stands. */
  readonly path: DocumentPath
}

/** The branches of a rule; -1 for those it does not have. */
export interface RuleBranches {
  readonly all: readonly Branch[]
  readonly payloadRefused: number
  readonly whereTrue: number
  readonly whereFalse: number
  readonly dropped: number
  readonly gathered: number
  readonly someItems: number
  readonly noItems: number
  /** By the target's path: the target is taken, or left by its `when`. */
  readonly targets: ReadonlyMap<DocumentPath, { readonly taken: number; readonly left: number }>
}

interface Parts {
  readonly schema: PayloadSchema | null
  readonly where: Expression | null
  readonly state: RuleState | null
  readonly forEach: ForEach | null
  readonly to: Targets
  readonly otherwise: Targets | null
}

/** The branches of a rule, in the order in which a message meets them. */
export function branchesOf({ schema, where, state, forEach, to, otherwise }: Parts): RuleBranches {
  const all: Branch[] = []
  const add = (at: Branch['at'], way: Branch['way'], path: DocumentPath): number =>
    all.push({ id: all.length, at, way, path }) - 1
  const payloadRefused = schema === null ? -1 : add('payload', 'refused', ['schema'])
  // A literal `where` goes one way only.
  const asks = where !== null && where.constant === null
  const whereTrue = asks ? add('where', 'true', ['where']) : -1
  const whereFalse = asks || otherwise !== null ? add('where', 'false', ['where']) : -1
  const statePath = state === null ? [] : state.site.origin.path
  const dropped = state === null || state.filters.length === 0 ? -1 : add('state', 'dropped', statePath)
  const gathered = state === null || state.gather === null ? -1 : add('state', 'gathered', statePath)
  const someItems = forEach === null ? -1 : add('for_each', 'some', forEach.path)
  const noItems = forEach === null ? -1 : add('for_each', 'none', forEach.path)
  const targets = new Map<DocumentPath, { taken: number; left: number }>()
  const listed = [to.sinks, to.publishes, otherwise?.sinks ?? [], otherwise?.publishes ?? []].flat()
  for (const { path, when } of listed) {
    const taken = add('target', 'taken', path)
    const entry = path.slice(0, 2)
    targets.set(path, { taken, left: when === null ? -1 : add('target', 'left', [...entry, 'when']) })
  }
  return { all, payloadRefused, whereTrue, whereFalse, dropped, gathered, someItems, noItems, targets }
}
