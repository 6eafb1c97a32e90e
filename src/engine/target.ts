import type { Header } from '../contract/message.ts'
import { checkDocument } from '../document/check.ts'
import type { DocumentPath } from '../document/source-document.ts'
import { suggest } from '../document/suggest.ts'
import { topicNameFault } from '../topic/name.ts'
import { constantExpression, type Expression } from './expression/expression.ts'
import type { Names } from './expression/names.ts'
import { asText, compileTemplate, hasExpression, type Template } from './expression/template.ts'
import { familyOf, printType, string } from './expression/type.ts'
import { failed, type MapValue, setField } from './expression/value.ts'
import type { SinkInfo } from './port.ts'
import type { RuleFaults } from './rule-file.ts'

/** How the payload becomes bytes; null: JSON for structured data, strings and bytes as they are. */
export type Encoding = 'json' | 'raw' | null

/** One `sink:` of a rule. */
export interface SinkTarget {
  readonly sink: string
  /** Text, or null to leave it to the sink. */
  readonly address: Expression
  /** The address as it is written; null when the rule names none. */
  readonly addressParts: Template['parts'] | null
  /** Where in the rule's file it stands. */
  readonly path: DocumentPath
  readonly key: Expression
  /** A list of `Header`. */
  readonly headers: Expression
  /** An object, or null. */
  readonly options: Expression
  readonly encoding: Encoding
}

/** One `publish:` of a rule. */
export interface PublishTarget {
  readonly topic: Expression
  /** The topic's parts, for the search for loops. */
  readonly parts: Template['parts']
  readonly retain: Expression
  /** null: the quality of service of the message itself. */
  readonly qos: Expression | null
  readonly encoding: Encoding
  readonly path: DocumentPath
}

interface Environment {
  readonly sinks: ReadonlyMap<string, SinkInfo>
  readonly names: Names
  readonly faults: RuleFaults
}

type RawTarget = Readonly<Record<string, unknown>>

/** Compiles one entry of `to:`; null when it has faults. */
export function compileTarget(raw: RawTarget, path: DocumentPath, env: Environment): SinkTarget | PublishTarget | null {
  const before = env.faults.all.length
  const isSink = 'sink' in raw
  if (isSink === 'publish' in raw) {
    env.faults.at(path, 'E201', 'a target has either `sink` or `publish`')
    return null
  }
  const target = isSink ? compileSink(raw, path, env) : compilePublish(raw, path, env)
  return env.faults.all.length === before ? target : null
}

function compileSink(raw: RawTarget, path: DocumentPath, env: Environment): SinkTarget | null {
  const { faults, sinks } = env
  const name = raw['sink']
  const info = typeof name === 'string' ? sinks.get(name) : undefined
  if (typeof name !== 'string' || info === undefined) {
    const nearest = suggest(String(name), sinks.keys())
    const message = typeof name === 'string' ? `unknown sink \`${name}\`` : 'a sink is named by a string'
    faults.at([...path, 'sink'], 'E205', message, undefined, nearest)
    return null
  }
  const properties = (info.targetOptions?.['properties'] ?? {}) as Readonly<Record<string, object>>
  const legal = ['sink', 'key', 'headers', 'encode', ...Object.keys(properties)]
  if (info.targetField !== null) legal.push(info.targetField)
  checkFields(raw, legal, path, `of sink \`${name}\` (${info.type})`, env)
  checkOptions(raw, info, properties, path, env)
  const own = ['sink', 'key', 'headers', 'encode', info.targetField]
  const options = Object.entries(raw).filter(([field]) => !own.includes(field) && legal.includes(field))
  const text = (field: string | null): Expression =>
    field === null || raw[field] === undefined
      ? constantExpression(null)
      : compileText(raw[field], [...path, field], env)
  return {
    sink: name,
    address: text(info.targetField),
    addressParts: addressPartsOf(raw, info.targetField, path, env),
    path,
    key: text('key'),
    headers: compileHeaders(raw['headers'], [...path, 'headers'], env),
    options: options.length === 0 ? constantExpression(null) : compileData(Object.fromEntries(options), path, env),
    encoding: compileEncoding(raw['encode'], path, env),
  }
}

/** Its faults are found where the address is compiled to be evaluated. */
function addressPartsOf(
  raw: RawTarget,
  field: string | null,
  path: DocumentPath,
  { names }: Environment,
): Template['parts'] | null {
  const value = field === null ? undefined : raw[field]
  if (field === null || value === undefined) return null
  return compileTemplate(String(value), { path: [...path, field] }, names).compiled?.parts ?? null
}

function checkFields(raw: RawTarget, legal: readonly string[], path: DocumentPath, of: string, env: Environment): void {
  for (const field of Object.keys(raw)) {
    if (!legal.includes(field)) env.faults.atKey([...path, field], 'E201', `unknown field \`${field}\` ${of}`, legal)
  }
}

/** Holds what the message cannot change against the connector's own schema of a target. */
function checkOptions(
  raw: RawTarget,
  info: SinkInfo,
  properties: Readonly<Record<string, object>>,
  path: DocumentPath,
  { faults }: Environment,
): void {
  const codes = { unknown: 'E201', wrong: 'E201', missing: 'E201' } as const
  for (const [field, schema] of Object.entries(properties)) {
    const value = raw[field]
    if (value === undefined || hasExpression(JSON.stringify(value))) continue
    faults.all.push(...checkDocument(faults.document, schema, { path: [...path, field], codes, noun: 'field' }).faults)
  }
  const required = info.targetOptions?.['required']
  for (const field of Array.isArray(required) ? required : []) {
    if (raw[field] === undefined) faults.at(path, 'E201', `this target needs \`${field}\``)
  }
}

function compilePublish(raw: RawTarget, path: DocumentPath, env: Environment): PublishTarget | null {
  checkFields(raw, ['publish', 'retain', 'qos', 'encode'], path, 'of a `publish` target', env)
  const at = [...path, 'publish']
  const text = raw['publish']
  if (typeof text !== 'string') {
    env.faults.at(at, 'E206', 'expected a topic')
    return null
  }
  const template = compileTemplateAt(text, at, env)
  if (template === null) return null
  checkTopic(text, template, at, env)
  return {
    topic: { ...template, constant: null, evaluate: asText(template.evaluate, { origin: { path: at }, offset: 0 }) },
    parts: template.parts,
    retain: compileChoice(raw['retain'] ?? false, 'bool', [false, true], [...path, 'retain'], env),
    qos: raw['qos'] === undefined ? null : compileChoice(raw['qos'], 'number', [0, 1, 2], [...path, 'qos'], env),
    encoding: compileEncoding(raw['encode'], path, env),
    path: at,
  }
}

/** What of the topic is written down must be fit for one. */
function checkTopic(text: string, { parts }: Template, path: DocumentPath, { faults }: Environment): void {
  if (text.startsWith('$') && typeof parts[0] === 'string') {
    faults.at(path, 'E206', 'topics that begin with $ are not published by rules', 0)
  }
  for (const part of parts.length === 0 ? [''] : parts) {
    const fault = typeof part === 'string' ? topicNameFault(part) : null
    if (fault !== null) faults.at(path, 'E206', `the topic ${fault}`, Math.max(0, text.search(/[+#\0]/)))
  }
}

function compileChoice(
  value: unknown,
  family: 'bool' | 'number',
  legal: readonly unknown[],
  path: DocumentPath,
  env: Environment,
): Expression {
  const expected = `expected ${legal.join(', ')} or one \${…} that gives one of them`
  if (typeof value === 'string' && hasExpression(value)) {
    const template = compileTemplateAt(value, path, env)
    if (template !== null && !['any', family].includes(familyOf(template.type))) {
      env.faults.at(path, 'E204', `${expected}, not ${printType(template.type)}`)
    }
    return template ?? constantExpression(legal[0])
  }
  if (!legal.includes(value)) env.faults.at(path, 'E201', expected)
  return constantExpression(value)
}

function compileEncoding(value: unknown, path: DocumentPath, { faults }: Environment): Encoding {
  if (value === undefined || value === 'json' || value === 'raw') return value ?? null
  faults.at(
    [...path, 'encode'],
    'E201',
    'encode: expected json or raw',
    undefined,
    suggest(String(value), ['json', 'raw']),
  )
  return null
}

function compileTemplateAt(text: string, path: DocumentPath, { names, faults }: Environment): Template | null {
  const { compiled, faults: found } = compileTemplate(text, { path }, names)
  faults.expression(path, found)
  return compiled
}

/** A template whose value is text, as keys and addresses are. */
export function compileText(value: unknown, path: DocumentPath, env: Environment): Expression {
  if (typeof value === 'number' || typeof value === 'boolean') return constantExpression(String(value), string)
  if (typeof value !== 'string' || value === '') {
    env.faults.at(path, 'E201', `${String(path.at(-1))}: expected text`)
    return constantExpression(null)
  }
  const template = compileTemplateAt(value, path, env)
  if (template === null) return constantExpression(null)
  if (typeof template.constant?.value === 'string') return template
  const family = familyOf(template.type)
  if (family === 'list' || family === 'map' || family === 'null') {
    env.faults.at(path, 'E204', `${printType(template.type)} cannot become text`)
  }
  return { ...template, constant: null, evaluate: asText(template.evaluate, { origin: { path }, offset: 0 }) }
}

function compileHeaders(value: unknown, path: DocumentPath, env: Environment): Expression {
  if (value === undefined) return constantExpression([])
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    env.faults.at(path, 'E201', 'headers: expected a map of names and values')
    return constantExpression([])
  }
  const entries = Object.entries(value).map(([name, text]) => [name, compileText(text, [...path, name], env)] as const)
  const expressions = entries.map(([, expression]) => expression)
  return combined(expressions, (values) => entries.map(([name], at): Header => [name, values[at] as string]))
}

/** Data in which strings are templates: options of a target. */
function compileData(value: unknown, path: DocumentPath, env: Environment): Expression {
  if (typeof value === 'string' && hasExpression(value)) {
    return compileTemplateAt(value, path, env) ?? constantExpression(null)
  }
  if (typeof value !== 'object' || value === null) return constantExpression(value)
  if (Array.isArray(value)) {
    return combined(
      value.map((item, at) => compileData(item, [...path, at], env)),
      (values) => values,
    )
  }
  const entries = Object.entries(value).map(([name, item]) => [name, compileData(item, [...path, name], env)] as const)
  const expressions = entries.map(([, expression]) => expression)
  return combined(expressions, (values) => {
    const made: MapValue = {}
    for (const [at, [name]] of entries.entries()) setField(made, name, values[at])
    return made
  })
}

/** What several expressions together make; a constant when all of them are. */
function combined(expressions: readonly Expression[], make: (values: unknown[]) => unknown): Expression {
  if (expressions.every((expression) => expression.constant !== null)) {
    return constantExpression(make(expressions.map((expression) => expression.constant!.value)))
  }
  const depends = expressions.some((expression) => expression.depends === 'message') ? 'message' : 'topic'
  return {
    ...constantExpression(null),
    constant: null,
    depends,
    evaluate: (scope) => {
      const values: unknown[] = []
      for (const { evaluate } of expressions) {
        const value = evaluate(scope)
        if (value === failed) return failed
        values.push(value)
      }
      return make(values)
    },
  }
}
