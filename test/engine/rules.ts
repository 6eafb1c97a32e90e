import type { Message } from '../../src/contract/message.ts'
import { printFault } from '../../src/document/fault.ts'
import { Outcome } from '../../src/engine/outcome.ts'
import type { PayloadSchema, SchemaFault, Schemas, Shape, SinkInfo } from '../../src/engine/port.ts'
import { evaluate, RuleSet } from '../../src/engine/rule-set.ts'
import { frameBytes, frameOf, readFrame } from '../../src/registry/wire-format.ts'

/** A schema that wants a numeric `temperature_f`, and counts how often it is asked. */
export class TelemetrySchema implements PayloadSchema {
  readonly subject = 'telemetry'
  readonly version: number
  readonly id = 17
  readonly format = 'json-schema'
  readonly frame = frameOf(17)
  fault: SchemaFault | null = null
  checks = 0

  constructor(version = 3) {
    this.version = version
  }

  check(value: unknown) {
    this.checks++
    const { temperature_f: reading } = value as { temperature_f?: unknown }
    if (typeof reading === 'number') return null
    const message = reading === undefined ? 'is missing' : 'must be number'
    return { path: '/temperature_f', message, keyword: 'type' }
  }

  decode(bytes: Uint8Array): unknown {
    return JSON.parse(Buffer.from(bytes).toString())
  }

  encode(value: unknown): Uint8Array | null {
    this.fault = this.check(value)
    return this.fault === null ? Buffer.from(JSON.stringify(value)) : null
  }

  fields(): Shape {
    const text: Shape = { kind: 'string' }
    const device: Shape = { kind: 'object', fields: new Map([['id', text]]), open: true }
    const fields = new Map<string, Shape>([
      ['temperature_f', { kind: 'number' }],
      ['quality', text],
      ['device', device],
      ['tags', { kind: 'list', items: text }],
    ])
    return { kind: 'object', fields, open: false }
  }
}

export const registryOf = (...schemas: PayloadSchema[]): Schemas => ({
  list: () => schemas,
  resolve: (name) =>
    schemas.findLast(({ subject, version }) => name === subject || name === `${subject}@${version}`) ?? null,
  unframe: (bytes) => {
    const id = readFrame(bytes)
    const schema = schemas.find((one) => one.id === id)
    return schema === undefined ? null : { schema, offset: frameBytes }
  },
})

export const sinks = new Map<string, SinkInfo>([
  [
    'lake',
    {
      type: 'kafka',
      targetField: 'topic',
      targetOptions: { type: 'object', properties: { partition: { type: 'integer', minimum: 0 } } },
    },
  ],
  [
    'archive',
    {
      type: 'reductstore',
      targetField: 'entry',
      targetOptions: { type: 'object', properties: { labels: { type: 'object' } }, additionalProperties: false },
    },
  ],
  ['records', { type: 'file', targetField: null, targetOptions: null }],
])

export const telemetry = new TelemetrySchema()

const environment = { sinks, registry: registryOf(new TelemetrySchema(2), telemetry) }

/** The faults of rule files, as `trestle check` prints them. */
export const faultsOf = (files: Record<string, string>): string[] =>
  RuleSet.load(texts(files), environment).faults.map(printFault)

const texts = (files: Record<string, string>) =>
  Object.entries(files).map(([name, text]) => ({ file: `rules/${name}.yaml`, text }))

/** Rules that must be sound. */
export function load(files: Record<string, string>): RuleSet {
  const { rules, faults } = RuleSet.load(texts(files), environment)
  if (rules === null) throw new Error(faults.map(printFault).join('\n'))
  return rules
}

export const message = (payload: unknown, more: Partial<Message> = {}): Message => ({
  topic: 'plants/oslo/lines/3/telemetry',
  payload: payload instanceof Uint8Array ? payload : Buffer.from(JSON.stringify(payload)),
  qos: 1,
  retain: false,
  properties: null,
  client: 'press-7',
  username: null,
  source: null,
  timeMs: Date.UTC(2026, 0, 2),
  ...more,
})

/** Runs the rules that match a message's topic. */
export function run(rules: RuleSet, given: Message, outcome = new Outcome()): Outcome {
  const bound = rules.lookup(given.topic)
  if (bound === null) throw new Error(`no rule matches ${given.topic}`)
  evaluate(bound, given, outcome)
  return outcome
}

export const jsonOf = (payload: Uint8Array): unknown => JSON.parse(Buffer.from(payload).toString())
