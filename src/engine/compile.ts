import type { DocumentPath, SourceDocument } from '../document/source-document.ts'
import { suggest } from '../document/suggest.ts'
import { parsePattern, type TopicPattern } from '../topic/pattern.ts'
import { type Body, compileReplacement, compileSet } from './body.ts'
import { checkExamples } from './example/check.ts'
import { compileExpression, type Expression } from './expression/expression.ts'
import { captured, letName, type Names, standardNames, type Variable } from './expression/names.ts'
import { dyn, familyOf, printType, typeOfShape } from './expression/type.ts'
import { type Ack, newCounters, type RuleCounters } from './outcome.ts'
import type { PayloadSchema, Schemas, SinkInfo, WayBack } from './port.ts'
import { checkRuleShape, type RawRule, type RuleFaults } from './rule-file.ts'
import { compileState } from './state/clause.ts'
import type { RuleState } from './state/state.ts'
import { compileTarget, compileText, type PublishTarget, type SinkTarget } from './target.ts'

/** What rules are compiled against. */
export interface RuleEnvironment {
  readonly sinks: ReadonlyMap<string, SinkInfo>
  readonly registry: Schemas
  /** What sinks lead back in by sources; nothing without it. */
  readonly waysBack?: (rule: CompiledRule) => readonly WayBack[]
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
  /** null: every message. */
  readonly where: Expression | null
  /** How many `let` names there are; their values are found at first use. */
  readonly letCount: number
  /** What it keeps per key; null: nothing. */
  readonly state: RuleState | null
  /** null: the payload goes on as the very same bytes. */
  readonly body: Body | null
  readonly sinks: readonly SinkTarget[]
  readonly publishes: readonly PublishTarget[]
  readonly ack: Ack
  readonly onRefused: 'dead-letter' | 'drop' | 'pass'
  /** null: by client and topic. */
  readonly orderBy: Expression | null
  readonly counters: RuleCounters
}

/** Compiles one rule file; faults are collected, and null is answered when there are any. */
export function compileRule(name: string, faults: RuleFaults, env: RuleEnvironment): CompiledRule | null {
  const raw = checkRuleShape(faults)
  const pattern = raw.from === undefined ? null : compilePattern(raw.from, faults)
  const schema = raw.schema === undefined ? null : resolveSchema(raw.schema, env.registry, faults)
  const payload = schema === null ? dyn : typeOfShape(schema.fields(), `schema ${schema.subject}@${schema.version}`)
  const names = standardNames(payload)
  if (pattern !== null) addCaptures(pattern, names, faults)
  addLets(raw.let ?? {}, names, faults)
  const where = raw.where === undefined ? null : compileWhere(raw.where, names, faults)
  // Where a window gathers, what follows sees its result and not the single message.
  const { state, after } = compileState(name, raw, names, Object.keys(raw.let ?? {}), faults)
  const body = compileBody(raw, after, faults)
  const targets = (raw.to ?? []).map((target, at) =>
    compileTarget(target, ['to', at], { sinks: env.sinks, names: after, faults }),
  )
  checkEncodings(raw, targets, body, faults)
  const orderBy =
    raw.order_by === undefined
      ? null
      : compileText(raw.order_by, ['order_by'], { sinks: env.sinks, names: after, faults })
  checkExamples(faults, { sinks: env.sinks, pattern })
  if (state?.gather != null && raw.ack === 'delivered') {
    faults.at(
      ['ack'],
      'E201',
      'ack: what is gathered first cannot be answered when it is delivered; `stored` is the most',
    )
  }
  if (faults.all.length > 0 || pattern === null) return null
  return {
    name,
    file: faults.document.file,
    description: raw.description ?? null,
    document: faults.document,
    pattern,
    schema,
    where,
    letCount: Object.keys(raw.let ?? {}).length,
    state,
    body,
    sinks: targets.filter((target): target is SinkTarget => target !== null && 'sink' in target),
    publishes: targets.filter((target): target is PublishTarget => target !== null && 'topic' in target),
    ack: raw.ack ?? 'stored',
    onRefused: raw.on_refused ?? 'dead-letter',
    orderBy,
    counters: newCounters(),
  }
}

function compilePattern(from: string, faults: RuleFaults): TopicPattern | null {
  const parsed = parsePattern(from)
  if ('pattern' in parsed) return parsed.pattern
  faults.at(['from'], 'E206', parsed.fault, parsed.offset)
  return null
}

function resolveSchema(name: string, registry: Schemas, faults: RuleFaults): PayloadSchema | null {
  const found = registry.resolve(name)
  if (found !== null) return found
  const subject = name.split('@', 1)[0]!
  const versions = registry.list().filter((schema) => schema.subject === subject)
  if (versions.length > 0) {
    const known = versions.map(({ version }) => version).join(', ')
    faults.at(
      ['schema'],
      'E208',
      `schema \`${subject}\` has no version \`${name.slice(subject.length + 1)}\`; there is ${known}`,
    )
  } else {
    const subjects = registry.list().map((schema) => schema.subject)
    faults.at(['schema'], 'E208', `unknown schema \`${name}\``, undefined, suggest(subject, subjects))
  }
  return null
}

function addCaptures(pattern: TopicPattern, names: Map<string, Variable>, faults: RuleFaults): void {
  for (const [at, name] of pattern.names.entries()) {
    if (names.has(name)) {
      faults.at(
        ['from'],
        'E206',
        `\`${name}\` already means something in expressions; capture under another name`,
        pattern.text.indexOf(`{${name}`),
      )
    } else names.set(name, captured(at))
  }
}

/** Each `let` sees those above it; nothing can see itself. */
function addLets(lets: NonNullable<RawRule['let']>, names: Map<string, Variable>, faults: RuleFaults): void {
  let at = 0
  for (const [name, text] of Object.entries(lets)) {
    const path: DocumentPath = ['let', name]
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      faults.atKey(path, 'E201', `\`${name}\` cannot be a name: letters, digits and _ only`)
    else if (names.has(name)) faults.atKey(path, 'E201', `\`${name}\` already means something in expressions`)
    const compiled = compileAt(String(text), path, names, faults)
    const index = at++
    // A faulty one is known all the same, so that its uses are not faults too.
    names.set(
      name,
      letName(index, compiled?.type ?? dyn, compiled?.depends ?? 'message', compiled?.evaluate ?? (() => null)),
    )
  }
}

function compileAt(text: string, path: DocumentPath, names: Names, faults: RuleFaults): Expression | null {
  const { compiled, faults: found } = compileExpression({ text, origin: { path } }, names)
  faults.expression(path, found)
  return compiled
}

function compileWhere(where: string | boolean, names: Names, faults: RuleFaults): Expression | null {
  const compiled = compileAt(String(where), ['where'], names, faults)
  if (compiled === null) return null
  const family = familyOf(compiled.type)
  if (family !== 'bool' && family !== 'any')
    faults.at(['where'], 'E204', `where: expected a bool, not ${printType(compiled.type)}`, 0)
  return compiled
}

function compileBody(raw: Partial<RawRule>, names: Names, faults: RuleFaults): Body | null {
  if (raw.set !== undefined && 'payload' in raw) {
    faults.atKey(['payload'], 'E201', '`payload` replaces what `set` edits; a rule has one of them')
  }
  if (raw.set !== undefined) return compileSet(raw.set, names, faults)
  return 'payload' in raw ? compileReplacement(raw.payload, names, faults) : null
}

function checkEncodings(
  raw: Partial<RawRule>,
  targets: readonly (SinkTarget | PublishTarget | null)[],
  body: Body | null,
  faults: RuleFaults,
): void {
  for (const [at, target] of targets.entries()) {
    if (target?.encoding === 'raw' && body?.isObject) {
      const which = raw.set === undefined ? 'payload' : 'set'
      faults.at(['to', at, 'encode'], 'E204', `raw takes a string or bytes, and \`${which}\` gives an object`)
    }
  }
}
