import { createHash } from 'node:crypto'
import type { DocumentPath } from '../../document/source-document.ts'
import { suggest } from '../../document/suggest.ts'
import { compileExpression, constantExpression, type Expression } from '../expression/expression.ts'
import { type Names, standardNames } from '../expression/names.ts'
import type { Evaluate, Site } from '../expression/scope.ts'
import { asText, compileTemplate } from '../expression/template.ts'
import { bool, dyn, familyOf, int, number, printType, type RecordType, string, type Type } from '../expression/type.ts'
import { failed, kindOf } from '../expression/value.ts'
import type { RuleFaults } from '../rule-faults.ts'
import { type AggregateKind, aggregates, Fold, isAggregate, readAggregate } from './aggregate.ts'
import { readDuration } from './duration.ts'
import { FilterTable } from './filter-table.ts'
import { GatherTable } from './gather-table.ts'
import { defaultMaxKeys, StateLimits } from './limits.ts'
import { type FilterStep, type GatherStep, RuleState } from './state.ts'
import { type RawState, stateWords } from './state-fields.ts'
import { boundedJson, maxComparedLength, storedValue } from './stored-value.ts'

/** A rule's state, and the names that what comes after it may use: of a window's result, or as before. */
export interface CompiledState {
  readonly state: RuleState | null
  readonly after: Names
}

interface Environment {
  readonly rule: string
  readonly names: Names
  readonly faults: RuleFaults
  readonly limits: StateLimits
  readonly from: string
  readonly lets: Clause
}

type Clause = Readonly<Record<string, unknown>>

/** What a result has besides the values that the rule names. */
const ownFields: readonly (readonly [string, Type])[] = [
  ['key', string],
  ['start', string],
  ['end', string],
  ['partial', bool],
]

/** Compiles the state clauses of a rule; `lets` are the names that stand for values of single messages. */
export function compileState(
  rule: string,
  raw: RawState,
  names: Names,
  lets: readonly string[],
  faults: RuleFaults,
  limits = new StateLimits(),
): CompiledState {
  const env: Environment = { rule, names, faults, limits, from: raw.from ?? '', lets: raw.let ?? {} }
  const filters: FilterStep[] = []
  if (raw.once !== undefined) filters.push(compileOnce(raw.once, env))
  if (raw.changed !== undefined) filters.push(compileChanged(raw.changed, env))
  const keepsLast = raw.at_most?.keep === 'last'
  if (raw.at_most !== undefined && !keepsLast) filters.push(compileThrottle(raw.at_most, env))
  if (keepsLast && raw.window !== undefined) {
    faults.atKey(['window'], 'E201', '`at_most` with `keep: last` and `window` both gather; a rule has one of them')
  }
  const window = raw.window === undefined ? null : compileWindow(raw.window, env)
  const gather = window?.step ?? (raw.at_most !== undefined && keepsLast ? compileSample(raw.at_most, env) : null)
  const first = stateWords.find((word) => raw[word] !== undefined)
  if (first === undefined) return { state: null, after: names }
  const site: Site = { origin: { path: [first] }, offset: 0 }
  const after = window === null ? names : namesAfter(env, window.fields, lets)
  return { state: new RuleState(rule, filters, gather, site), after }
}

/** After a window there is no single message any more: its fields and the `let` names made of them are gone. */
function namesAfter({ rule, names }: Environment, fields: ReadonlyMap<string, Type>, lets: readonly string[]): Names {
  const payload: RecordType = { kind: 'record', fields, open: false, owner: `the window of ${rule}` }
  const after = new Map(names)
  after.set('payload', standardNames(payload).get('payload')!)
  for (const name of lets) after.delete(name)
  return after
}

const tableOf = (word: string, raw: Clause, forgetMs: number, deadband: number | null, env: Environment) =>
  new FilterTable({
    id: idOf(word, raw, env),
    forgetMs,
    deadband,
    maxKeys: maxKeysOf(raw),
    limits: env.limits,
  })

/** The same for as long as the clause means the same: what was kept under another one is of no use. */
function idOf(word: string, { max_keys: _, ...clause }: Clause, { from, lets, rule }: Environment): string {
  const text = JSON.stringify([clause, from, ...usedLets(JSON.stringify(clause), lets)])
  const hash = createHash('sha256').update(text).digest('hex')
  return `${rule}/${word}#${hash.slice(0, 12)}`
}

/** The `let` names that a clause speaks of, and those that these speak of. */
function usedLets(text: string, lets: Clause): [name: string, text: unknown][] {
  const used = new Map<string, unknown>()
  for (let pending = [text]; pending.length > 0; ) {
    const words = new Set(pending.pop()!.match(/\w+/g))
    for (const [name, value] of Object.entries(lets)) {
      if (used.has(name) || !words.has(name)) continue
      used.set(name, value)
      pending = [...pending, String(value)]
    }
  }
  return [...used].sort(([one], [other]) => (one < other ? -1 : 1))
}

const maxKeysOf = ({ max_keys: keys }: Clause): number => (typeof keys === 'number' ? keys : defaultMaxKeys)

function compileOnce(raw: Clause, env: Environment): FilterStep {
  const withinMs = durationOf(raw, 'once', 'within', env)
  return { key: keyOf(raw, 'once', env), value: null, table: tableOf('once', raw, withinMs, null, env) }
}

function compileThrottle(raw: Clause, env: Environment): FilterStep {
  const everyMs = durationOf(raw, 'at_most', 'every', env)
  return { key: keyOf(raw, 'at_most', env), value: null, table: tableOf('at_most', raw, everyMs, null, env) }
}

function compileChanged(raw: Clause, env: Environment): FilterStep {
  const path = ['changed', 'value']
  const { by_more_than: deadband } = raw
  const value = expressionAt(raw['value'], path, env)
  const isNumber = typeof deadband === 'number'
  if (isNumber) checkNumber(value, path, '`by_more_than`', env)
  const maxMs =
    raw['at_least_every'] === undefined ? Number.POSITIVE_INFINITY : durationOf(raw, 'changed', 'at_least_every', env)
  return {
    key: keyOf(raw, 'changed', env),
    value: isNumber ? numberOrFail(value.evaluate, path, 'by_more_than', false) : storedOrFail(value.evaluate, path),
    table: tableOf('changed', raw, maxMs, isNumber ? deadband : 0, env),
  }
}

function compileSample(raw: Clause, env: Environment): GatherStep {
  const everyMs = durationOf(raw, 'at_most', 'every', env)
  return { key: keyOf(raw, 'at_most', env), inputs: [], table: gatherTableOf('at_most', raw, everyMs, null, env) }
}

function gatherTableOf(word: string, raw: Clause, everyMs: number, fold: Fold | null, env: Environment): GatherTable {
  const { limits } = env
  return new GatherTable({ id: idOf(word, raw, env), everyMs, fold, maxKeys: maxKeysOf(raw), limits })
}

function compileWindow(raw: Clause, env: Environment): { step: GatherStep; fields: ReadonlyMap<string, Type> } {
  const fields = new Map(ownFields)
  const kinds: [string, AggregateKind][] = []
  const inputs: Evaluate[] = []
  const values = typeof raw['values'] === 'object' && raw['values'] !== null ? Object.entries(raw['values']) : []
  for (const [name, text] of values) {
    const path = ['window', 'values', name]
    if (fields.has(name)) env.faults.atKey(path, 'E201', `\`${name}\` is what every window has; take another name`)
    const made = typeof text === 'string' ? compileAggregate(text, path, env) : null
    fields.set(name, made?.type ?? dyn)
    if (made === null) continue
    kinds.push([name, made.kind])
    inputs.push(made.input)
  }
  const everyMs = durationOf(raw, 'window', 'every', env)
  const table = gatherTableOf('window', raw, everyMs, new Fold(kinds), env)
  return { step: { key: keyOf(raw, 'window', env), inputs, table }, fields }
}

interface CompiledAggregate {
  readonly kind: AggregateKind
  readonly input: Evaluate
  readonly type: Type
}

function compileAggregate(text: string, path: DocumentPath, env: Environment): CompiledAggregate | null {
  const read = readAggregate(text)
  if (read === null || !isAggregate(read.kind)) {
    const known = Object.keys(aggregates)
    const nearest = read === null ? undefined : suggest(read.kind, known)
    const message = `expected one of ${known.join(', ')} with its value: mean(payload.temperature)`
    env.faults.at(path, 'E202', message, 0, nearest)
    return null
  }
  const { kind } = read
  const { bare, takes } = aggregates[kind]
  // Blanks in front, so that the places of faults are right.
  const argument = ' '.repeat(read.start) + text.slice(read.start, read.end)
  if (argument.trim() === '') {
    if (!bare) env.faults.at(path, 'E202', `${kind}() needs a value: ${kind}(payload.temperature)`, read.start)
    return { kind, input: () => true, type: int }
  }
  const value = expressionAt(argument, path, env, read.start)
  if (takes === 'number') {
    checkNumber(value, path, `${kind}()`, env)
    return { kind, input: numberOrFail(value.evaluate, path, `${kind}()`, true), type: number }
  }
  if (takes === 'any') return { kind, input: dataOrFail(value.evaluate, path, kind), type: value.type }
  const family = familyOf(value.type)
  if (family !== 'bool' && family !== 'any')
    env.faults.at(path, 'E204', `count() takes a condition, not ${printType(value.type)}`, read.start)
  return { kind, input: boolOrFail(value.evaluate, path), type: int }
}

function expressionAt(text: unknown, path: DocumentPath, { names, faults }: Environment, start = 0): Expression {
  if (typeof text !== 'string') return constantExpression(null)
  const { compiled, faults: found } = compileExpression({ text, origin: { path }, start }, names)
  faults.expression(path, found)
  return compiled ?? constantExpression(null)
}

function checkNumber({ type }: Expression, path: DocumentPath, who: string, { faults }: Environment): void {
  const family = familyOf(type)
  if (family !== 'number' && family !== 'any' && family !== 'null')
    faults.at(path, 'E204', `${who} takes a number, not ${printType(type)}`, 0)
}

/** What cannot be counted is a fault of the message. */
function numberOrFail(evaluate: Evaluate, path: DocumentPath, who: string, orNull: boolean): Evaluate {
  const site: Site = { origin: { path }, offset: 0 }
  return (scope) => {
    const value = evaluate(scope)
    if (value === failed || (orNull && value === null)) return value
    const plain = typeof value === 'bigint' ? Number(value) : value
    if (typeof plain === 'number' && Number.isFinite(plain)) return plain
    return scope.fail(site, `${who} needs a number, and got ${typeof plain === 'number' ? plain : kindOf(value)}`)
  }
}

/** What is compared, in the form in which it is kept. */
function storedOrFail(evaluate: Evaluate, path: DocumentPath): Evaluate {
  const site: Site = { origin: { path }, offset: 0 }
  return (scope) => {
    const value = evaluate(scope)
    if (value === failed) return failed
    const stored = storedValue(value)
    if (stored !== undefined) return stored
    return scope.fail(site, `value: ${kindOf(value)} that cannot be compared, or longer than ${maxComparedLength}`)
  }
}

function boolOrFail(evaluate: Evaluate, path: DocumentPath): Evaluate {
  const site: Site = { origin: { path }, offset: 0 }
  return (scope) => {
    const value = evaluate(scope)
    if (typeof value === 'boolean' || value === failed) return value
    return scope.fail(site, `count() needs a condition, and got ${kindOf(value)}`)
  }
}

/** Longest data a window keeps for one value. *Unit*: characters of JSON. */
const maxDataLength = 4096

/** Data of a message that outlives it: copied, as JSON would have it. */
function dataOrFail(evaluate: Evaluate, path: DocumentPath, who: string): Evaluate {
  const site: Site = { origin: { path }, offset: 0 }
  return (scope) => {
    const value = evaluate(scope)
    if (value === failed || value === null || typeof value === 'boolean') return value
    if (typeof value === 'number' && Number.isFinite(value)) return value
    const text = boundedJson(value, maxDataLength)
    if (text !== null) return JSON.parse(text)
    return scope.fail(
      site,
      `${who}() cannot keep ${kindOf(value)}, or not as much: ${maxDataLength} characters of JSON`,
    )
  }
}

function keyOf(raw: Clause, word: string, { names, faults }: Environment): Evaluate {
  const path = [word, 'by']
  const text = raw['by'] === undefined ? '${topic}' : String(raw['by'])
  const { compiled, faults: found } = compileTemplate(text, { path }, names)
  faults.expression(path, found)
  return compiled === null ? () => '' : asText(compiled.evaluate, { origin: { path }, offset: 0 })
}

function durationOf(raw: Clause, word: string, field: string, { faults }: Environment): number {
  const text = raw[field]
  const read = typeof text === 'string' ? readDuration(text) : Number.NaN
  // What is no duration at all is told with the rule's shape.
  if (read === 0) faults.at([word, field], 'E201', `${field}: a time of nothing`)
  return read > 0 ? read : 1
}
