import { checkDocument } from '../document/check.ts'
import type { DocumentPath } from '../document/source-document.ts'
import { suggest } from '../document/suggest.ts'
import { topicNameFault } from '../topic/name.ts'
import { type Body, compileBody } from './body.ts'
import { compileEncoding, type Encoding, encodingFields } from './encoding/encoding.ts'
import { compileExpression, constantExpression, type Expression } from './expression/expression.ts'
import type { Evaluate } from './expression/scope.ts'
import { asText, compileTemplate, hasExpression, type Template } from './expression/template.ts'
import { familyOf, printType } from './expression/type.ts'
import type { PayloadSchema, Schemas, SinkInfo } from './port.ts'
import type { RawTarget } from './rule-file.ts'
import {
  compileChoice,
  compileData,
  compileHeaders,
  compileTemplateAt,
  compileText,
  type TextEnvironment,
} from './target-text.ts'
import { checkWrittenFields, type RawBody } from './written-fields.ts'

/** What both kinds of target have. */
interface CommonTarget {
  /** Where in the rule's file it stands. */
  readonly path: DocumentPath
  /** null: always. */
  readonly when: Expression | null
  readonly encoding: Encoding
  /** null: the payload, or the item, goes on as it is. */
  readonly body: Body | null
}

/** One `sink:` of a rule. */
export interface SinkTarget extends CommonTarget {
  readonly sink: string
  /** Text, or null to leave it to the sink. */
  readonly address: Expression
  /** The address as it is written; null when the rule names none. */
  readonly addressParts: Template['parts'] | null
  readonly key: Expression
  /** A list of `Header`. */
  readonly headers: Expression
  /** An object, or null. */
  readonly options: Expression
}

/** One `publish:` of a rule. */
export interface PublishTarget extends CommonTarget {
  readonly topic: Expression
  /** The topic's parts, for the search for loops. */
  readonly parts: Template['parts']
  readonly retain: Expression
  /** null: the quality of service of the message itself. */
  readonly qos: Expression | null
}

export type Target = SinkTarget | PublishTarget

/** A list of targets; sinks are served before what is published. */
export interface Targets {
  readonly sinks: readonly SinkTarget[]
  readonly publishes: readonly PublishTarget[]
}

/** What targets are compiled with. */
export interface TargetEnvironment extends TextEnvironment {
  readonly sinks: ReadonlyMap<string, SinkInfo>
  readonly registry: Schemas
  readonly schema: PayloadSchema | null
  readonly findSchema: (name: string, path: DocumentPath) => PayloadSchema | null
  /** The rule's encodings so far. */
  readonly known: Map<string, Encoding>
  /** The body of targets that say nothing themselves, and as it is written. */
  readonly body: Body | null
  readonly rawBody: RawBody | null
  /** What a target's own `set` edits. */
  readonly base: Evaluate
  readonly baseName: string
  readonly rich: boolean
}

const commonFields = ['when', 'set', 'payload', ...encodingFields]

/** Compiles one entry of `to:` or `else:`; null when it has faults. */
export function compileTarget(raw: RawTarget, path: DocumentPath, env: TargetEnvironment): Target | null {
  const before = env.faults.all.length
  const isSink = 'sink' in raw
  if (isSink === 'publish' in raw) {
    env.faults.at(path, 'E201', 'a target has either `sink` or `publish`')
    return null
  }
  const target = isSink ? compileSink(raw, path, env) : compilePublish(raw, path, env)
  return env.faults.all.length === before ? target : null
}

function compileCommon(raw: RawTarget, path: DocumentPath, isSink: boolean, env: TargetEnvironment): CommonTarget {
  const own = raw['set'] !== undefined || 'payload' in raw
  const isMap = typeof raw['set'] === 'object' && raw['set'] !== null && !Array.isArray(raw['set'])
  if (raw['set'] !== undefined && !isMap) env.faults.at([...path, 'set'], 'E201', 'set: expected a map of fields')
  const when = raw['when'] === undefined ? null : compileCondition(raw['when'], [...path, 'when'], env)
  const body = own && (raw['set'] === undefined || isMap) ? compileBody(raw, path, env) : env.body
  const encoding = compileEncoding(raw, path, isSink ? 'confluent' : 'none', env)
  if (encoding.name === 'raw' && body?.isObject) {
    const which = body.edits.size > 0 ? 'set' : 'payload'
    env.faults.at([...path, 'encode'], 'E204', `raw takes a string or bytes, and \`${which}\` gives an object`)
  }
  const written = own ? { raw, path } : env.rawBody
  if (encoding.schema !== null && written !== null) checkWrittenFields(written, encoding.schema, env)
  return { path, when, encoding, body }
}

/** `where:` and `when:`: an expression that is true or false. */
export function compileCondition(condition: unknown, path: DocumentPath, env: TextEnvironment): Expression | null {
  const word = String(path.at(-1))
  if (typeof condition !== 'string' && typeof condition !== 'boolean') {
    env.faults.at(path, 'E201', `${word}: expected an expression`)
    return null
  }
  const { compiled, faults } = compileExpression({ text: String(condition), origin: { path } }, env.names)
  env.faults.expression(path, faults)
  if (compiled === null) return null
  const family = familyOf(compiled.type)
  if (family !== 'bool' && family !== 'any') {
    env.faults.at(path, 'E204', `${word}: expected a bool, not ${printType(compiled.type)}`, 0)
  }
  return compiled
}

function compileSink(raw: RawTarget, path: DocumentPath, env: TargetEnvironment): SinkTarget | null {
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
  const own = ['sink', 'key', 'headers', ...commonFields]
  if (info.targetField !== null) own.push(info.targetField)
  checkFields(raw, [...own, ...Object.keys(properties)], path, `of sink \`${name}\` (${info.type})`, env)
  checkOptions(raw, info, properties, path, env)
  const options = Object.entries(raw).filter(([field]) => !own.includes(field) && Object.hasOwn(properties, field))
  const text = (field: string | null): Expression =>
    field === null || raw[field] === undefined
      ? constantExpression(null)
      : compileText(raw[field], [...path, field], env)
  const common = compileCommon(raw, path, true, env)
  return {
    sink: name,
    address: text(info.targetField),
    addressParts: addressPartsOf(raw, info.targetField, path, env),
    key: text('key'),
    headers: compileHeaders(raw['headers'], [...path, 'headers'], common.encoding.headers, env),
    options: options.length === 0 ? constantExpression(null) : compileData(Object.fromEntries(options), path, env),
    ...common,
  }
}

/** Its faults are found where the address is compiled to be evaluated. */
function addressPartsOf(
  raw: RawTarget,
  field: string | null,
  path: DocumentPath,
  { names }: TextEnvironment,
): Template['parts'] | null {
  const value = field === null ? undefined : raw[field]
  if (field === null || value === undefined) return null
  return compileTemplate(String(value), { path: [...path, field] }, names).compiled?.parts ?? null
}

function checkFields(
  raw: RawTarget,
  legal: readonly string[],
  path: DocumentPath,
  of: string,
  env: TextEnvironment,
): void {
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
  { faults }: TextEnvironment,
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

function compilePublish(raw: RawTarget, path: DocumentPath, env: TargetEnvironment): PublishTarget | null {
  checkFields(raw, ['publish', 'retain', 'qos', ...commonFields], path, 'of a `publish` target', env)
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
    ...compileCommon(raw, path, false, env),
    path: at,
  }
}

/** What of the topic is written down must be fit for one. */
function checkTopic(text: string, { parts }: Template, path: DocumentPath, { faults }: TextEnvironment): void {
  if (text.startsWith('$') && typeof parts[0] === 'string') {
    faults.at(path, 'E206', 'topics that begin with $ are not published by rules', 0)
  }
  for (const part of parts.length === 0 ? [''] : parts) {
    const fault = typeof part === 'string' ? topicNameFault(part) : null
    if (fault !== null) faults.at(path, 'E206', `the topic ${fault}`, Math.max(0, text.search(/[+#\0]/)))
  }
}
