import type { DocumentPath, SourceDocument } from '../document/source-document.ts'
import { suggest } from '../document/suggest.ts'
import { parsePattern, type TopicPattern } from '../topic/pattern.ts'
import { compileBody } from './body.ts'
import { branchesOf, type RuleBranches } from './branches.ts'
import { type Ack, newCounters, type RuleCounters } from './decision.ts'
import { compileDecoding, type Decoding } from './encoding/decoding.ts'
import { type Encoding, willWriteData } from './encoding/encoding.ts'
import { checkExamples } from './example/check.ts'
import type { Expression } from './expression/expression.ts'
import { indexName, itemName, type Names, standardNames, type Variable } from './expression/names.ts'
import { jsonPayload, type PayloadDecoder } from './expression/payload.ts'
import type { Scope } from './expression/scope.ts'
import { addItem, compileForEach, type ForEach } from './for-each.ts'
import type { PayloadSchema, Schemas, SinkInfo, WayBack } from './port.ts'
import { RuleFaults } from './rule-faults.ts'
import { checkRuleShape, type RawRule, type RawTarget } from './rule-file.ts'
import { addCaptures, addLets, type Let } from './rule-names.ts'
import { compileState } from './state/clause.ts'
import type { RuleState } from './state/state.ts'
import type { TableSource } from './tables/table.ts'
import { addTables } from './tables/table-form.ts'
import {
  compileCondition,
  compileTarget,
  type PublishTarget,
  type SinkTarget,
  type TargetEnvironment,
  type Targets,
} from './target.ts'
import { compileText } from './target-text.ts'

/** What rules are compiled against. */
export interface RuleEnvironment {
  readonly sinks: ReadonlyMap<string, SinkInfo>
  readonly registry: Schemas
  /** What sinks lead back in by sources; nothing without it. */
  readonly waysBack?: (rule: CompiledRule) => readonly WayBack[]
  /** Without it no rule can have a table. */
  readonly tables?: TableSource
}

/** A rule ready to run. */
export interface CompiledRule {
  /** The file's name without its ending. */
  readonly name: string
  readonly file: string
  readonly description: string | null
  readonly document: SourceDocument
  readonly pattern: TopicPattern
  readonly schema: PayloadSchema | null
  readonly decoding: Decoding
  /** How the result of what it gathers is read. */
  readonly gatheredBy: PayloadDecoder
  /** null: every message. */
  readonly where: Expression | null
  /** Their values are found at first use. */
  readonly lets: readonly Let[]
  /** Places of the `let` names that each item of a `for_each` changes. */
  readonly itemLets: readonly number[]
  /** What it keeps per key; null: nothing. */
  readonly state: RuleState | null
  /** null: the message as a whole. */
  readonly forEach: ForEach | null
  /** Something is written in another encoding than JSON, or read from one. */
  readonly rich: boolean
  readonly to: Targets
  /** Where the message goes when `where` is false; null: nowhere. */
  readonly otherwise: Targets | null
  /** Of `to` and of `else`. */
  readonly sinks: readonly SinkTarget[]
  readonly publishes: readonly PublishTarget[]
  readonly ack: Ack
  readonly onRefused: 'dead-letter' | 'drop' | 'pass'
  /** null: by client and topic. */
  readonly orderBy: Expression | null
  readonly counters: RuleCounters
  /** Where it goes one way or another. */
  readonly branches: RuleBranches
  /** What expressions before and within `for_each` may use, for those who explain. */
  readonly names: RuleNames
}

interface RuleNames {
  readonly before: Names
  readonly within: Names
}

type Raw = Partial<RawRule>

/** Compiles one rule file; faults are collected, and null is answered when there are any. */
export function compileRule(name: string, faults: RuleFaults, env: RuleEnvironment): CompiledRule | null {
  const raw = checkRuleShape(faults)
  const pattern = raw.from === undefined ? null : compilePattern(raw.from, faults)
  const schema = raw.schema === undefined ? null : resolveSchema(raw.schema, ['schema'], env.registry, faults)
  const decoding = compileDecoding(raw.decode, { schema, registry: env.registry, faults })
  const names = standardNames(decoding.type)
  if (pattern !== null) addCaptures(pattern, names, faults)
  addTables(raw.tables ?? {}, names, env.tables, faults)
  const named = compileLets(raw, names, faults)
  const { before, lets, itemLets } = named
  const where = raw.where === undefined ? null : compileCondition(raw.where, ['where'], { names: before, faults })
  if (raw.else !== undefined && raw.where === undefined) {
    faults.atKey(['else'], 'E201', '`else` is for messages for which `where` is false, and there is no `where`')
  }
  // Where a window gathers, what follows sees its result and not the single message.
  const letNames = lets.map((one) => one.name)
  const { state, after } = compileState(name, raw, before, letNames, faults)
  const forEach = raw.for_each === undefined ? null : compileForEach(raw.for_each, after, faults)
  const within = namesWithin(raw, forEach, after, named)
  const rich = decoding.name !== 'json' || willWriteData([...(raw.to ?? []), ...(raw.else ?? [])])
  const targets = compileAllTargets(raw, { schema, forEach, rich, before, within, faults, env })
  const ordered = { names: orderNames(raw, before, within), faults }
  const orderBy = raw.order_by === undefined ? null : compileText(raw.order_by, ['order_by'], ordered)
  checkExamples(faults, { sinks: env.sinks, pattern })
  checkGathering(raw, state, faults)
  if (faults.all.length > 0 || pattern === null) return null
  const { to, otherwise } = targets
  const parts = { schema, where, state, forEach, to, otherwise }
  return {
    name,
    file: faults.document.file,
    description: raw.description ?? null,
    document: faults.document,
    pattern,
    decoding,
    gatheredBy: raw.window === undefined ? decoding.decoder : jsonPayload,
    lets,
    itemLets,
    rich,
    ...parts,
    sinks: [...to.sinks, ...(otherwise?.sinks ?? [])],
    publishes: [...to.publishes, ...(otherwise?.publishes ?? [])],
    ack: raw.ack ?? 'stored',
    onRefused: raw.on_refused ?? 'dead-letter',
    orderBy,
    counters: newCounters(),
    branches: branchesOf(parts),
    names: { before, within },
  }
}

function compilePattern(from: string, faults: RuleFaults): TopicPattern | null {
  const parsed = parsePattern(from)
  if ('pattern' in parsed) return parsed.pattern
  faults.at(['from'], 'E206', parsed.fault, parsed.offset)
  return null
}

function resolveSchema(name: string, path: DocumentPath, registry: Schemas, faults: RuleFaults): PayloadSchema | null {
  const schema = registry.resolve(name)
  if (schema !== null) return schema
  const [subject = name] = name.split('@')
  const versions = registry.list().filter((one) => one.subject === subject)
  if (versions.length > 0) {
    const known = versions.map(({ version }) => version).join(', ')
    const asked = name.slice(subject.length + 1)
    faults.at(path, 'E208', `schema \`${subject}\` has no version \`${asked}\`; there is ${known}`)
  } else {
    const subjects = registry.list().map((one) => one.subject)
    faults.at(path, 'E208', `unknown schema \`${name}\``, undefined, suggest(subject, subjects))
  }
  return null
}

interface CompiledLets {
  readonly lets: readonly Let[]
  /** Places of those that use the item of a `for_each`. */
  readonly itemLets: readonly number[]
  /** What is known of a message as a whole. */
  readonly before: Map<string, Variable>
  /** With the item. */
  readonly all: ReadonlyMap<string, Variable>
}

/**
 * The `let` names. Those that use the item of a `for_each` are for what is done with each item; what the items are, the
 * others decide: so all are compiled once without it.
 */
function compileLets(raw: Raw, names: Map<string, Variable>, faults: RuleFaults): CompiledLets {
  const said = raw.let ?? {}
  const all = new Map(names)
  if (raw.for_each === undefined) {
    const lets = addLets(said, all, faults)
    return { lets, itemLets: [], before: all, all }
  }
  const trial = new Map(names)
  const quiet = new RuleFaults(faults.document)
  addLets(said, trial, quiet)
  const each = compileForEach(raw.for_each, trial, quiet)
  if (each !== null) addItem(each, raw.for_each, all, faults)
  const lets = addLets(said, all, faults)
  const itemLets = lets.filter(({ expression }) => expression?.depends === 'item').map(({ at }) => at)
  const before = new Map(names)
  for (const { name, at } of lets) if (!itemLets.includes(at)) before.set(name, all.get(name)!)
  return { lets, itemLets, before, all }
}

/** What `to` and the bodies see. */
function namesWithin(raw: Raw, each: ForEach | null, after: Names, { all, lets, itemLets }: CompiledLets): Names {
  if (each === null) return after
  const within = new Map(after)
  if (!within.has(each.itemName)) within.set(each.itemName, itemName(each.itemType))
  if (!within.has(each.indexName)) within.set(each.indexName, indexName(each.indexType))
  // A window's result is no single message: what was made of those is gone.
  const kept = raw.window === undefined ? itemLets : []
  for (const at of kept) within.set(lets[at]!.name, all.get(lets[at]!.name)!)
  return within
}

interface TargetSurroundings {
  readonly schema: PayloadSchema | null
  readonly forEach: ForEach | null
  readonly rich: boolean
  readonly before: Names
  readonly within: Names
  readonly faults: RuleFaults
  readonly env: RuleEnvironment
}

function compileAllTargets(raw: Raw, around: TargetSurroundings): { to: Targets; otherwise: Targets | null } {
  const { forEach, rich, schema, faults, env } = around
  const message = {
    sinks: env.sinks,
    registry: env.registry,
    findSchema: (name: string, path: DocumentPath) => resolveSchema(name, path, env.registry, faults),
    known: new Map<string, Encoding>(),
    schema,
    faults,
    rich,
    names: around.before,
    body: null,
    rawBody: null,
    base: readPayload,
    baseName: 'payload',
  }
  const whole = { ...message, names: around.within }
  const each = forEach === null ? whole : { ...whole, base: readItem, baseName: forEach.itemName }
  const to = compileTargets(raw.to ?? [], 'to', {
    ...each,
    body: compileBody(raw, [], each),
    rawBody: { raw, path: [] },
  })
  return { to, otherwise: raw.else === undefined ? null : compileTargets(raw.else, 'else', message) }
}

const readPayload = (scope: Scope): unknown => scope.payload()
const readItem = (scope: Scope): unknown => scope.item

function compileTargets(raw: readonly RawTarget[], word: 'to' | 'else', env: TargetEnvironment): Targets {
  const targets = raw.map((target, at) => compileTarget(target, [word, at], env))
  return {
    sinks: targets.filter((target): target is SinkTarget => target !== null && 'sink' in target),
    publishes: targets.filter((target): target is PublishTarget => target !== null && 'topic' in target),
  }
}

/** With `else`, messages that have no item are put in order too. */
const orderNames = (raw: Raw, before: Names, within: Names): Names => (raw.else === undefined ? within : before)

function checkGathering(raw: Raw, state: RuleState | null, faults: RuleFaults): void {
  if (state?.gather == null || raw.ack !== 'delivered') return
  const why = 'what is gathered first cannot be answered when it is delivered; `stored` is the most'
  faults.at(['ack'], 'E201', `ack: ${why}`)
}
