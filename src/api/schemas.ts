/**
 * What goes over the API, as JSON Schema. Requests are checked against it, types are inferred from it
 * (`XStatic` of typebox, at compile time only), and the OpenAPI document is printed from it.
 */

const text = { type: 'string' } as const
const count = { type: 'integer', minimum: 0 } as const
const timeMs = { type: 'number', description: 'ms since the epoch' } as const
const maybeTimeMs = { type: ['number', 'null'], description: 'ms since the epoch' } as const
const maybeText = { type: ['string', 'null'] } as const
const perS = { type: ['number', 'null'], description: 'messages per second' } as const

export const errorSchema = {
  type: 'object',
  description: 'Every answer that is not a success',
  properties: {
    code: { ...text, examples: ['E702'], description: 'Stable; see docs/reference/errors.md' },
    title: text,
    message: text,
    advice: { ...maybeText, description: 'What the caller can do' },
    faults: {
      type: 'array',
      description: 'Each thing that is wrong with what was sent, where it has several parts',
      items: {
        type: 'object',
        properties: {
          file: text,
          line: count,
          column: count,
          code: text,
          message: text,
          suggestion: { ...text, description: 'The nearest legal word' },
        },
        required: ['file', 'line', 'column', 'code', 'message'],
      },
    },
  },
  required: ['code', 'title', 'message', 'advice'],
} as const

export const ledgerSchema = {
  type: 'object',
  description: 'received = delivered + filtered + refused + absorbed + deadLettered + dropped + expired + pending',
  properties: {
    received: count,
    delivered: count,
    filtered: count,
    refused: count,
    absorbed: { ...count, description: 'Gathered by a rule; what it makes of them is received once more' },
    deadLettered: count,
    dropped: count,
    expired: count,
    pending: count,
    unaccounted: { type: 'integer', description: 'Always 0' },
  },
  required: [
    'received',
    'delivered',
    'filtered',
    'refused',
    'absorbed',
    'deadLettered',
    'dropped',
    'expired',
    'pending',
    'unaccounted',
  ],
} as const

const waitingSchema = {
  type: 'object',
  properties: { messages: count, bytes: count, oldestMs: maybeTimeMs },
  required: ['messages', 'bytes', 'oldestMs'],
} as const

const lastErrorSchema = {
  type: 'object',
  properties: { code: text, message: text, timeMs, nextTryMs: maybeTimeMs },
  required: ['code', 'message', 'timeMs', 'nextTryMs'],
} as const

const connectorStates = ['starting', 'connected', 'retrying', 'failing', 'paused', 'stopped', 'not-configured'] as const

const waySchema = {
  type: 'object',
  properties: {
    kind: { enum: ['sink', 'source'] },
    name: text,
    state: { enum: connectorStates },
    sinceMs: timeMs,
    why: maybeText,
    perS: { type: 'number', description: 'messages per second' },
    retries: count,
    lastError: { anyOf: [lastErrorSchema, { type: 'null' }] },
  },
  required: ['kind', 'name', 'state', 'sinceMs', 'why', 'perS', 'retries', 'lastError'],
} as const

export const connectorSchema = {
  type: 'object',
  properties: {
    name: text,
    type: text,
    state: { enum: connectorStates },
    sinceMs: timeMs,
    why: maybeText,
    inPerS: perS,
    outPerS: perS,
    waiting: { anyOf: [waitingSchema, { type: 'null' }] },
    retries: count,
    deadLetters: count,
    lastError: { anyOf: [lastErrorSchema, { type: 'null' }] },
    dropped: { type: 'object', additionalProperties: count, description: 'Deliveries dropped, by reason' },
    ways: { type: 'array', items: waySchema, description: 'Its sink and each of its sources by itself' },
    ledger: ledgerSchema,
  },
  required: [
    'name',
    'type',
    'state',
    'sinceMs',
    'why',
    'inPerS',
    'outPerS',
    'waiting',
    'retries',
    'deadLetters',
    'lastError',
    'dropped',
    'ways',
    'ledger',
  ],
} as const

const journalSchema = {
  type: 'object',
  properties: {
    state: { enum: ['writing', 'failing', 'full'] },
    error: maybeText,
    bytes: count,
    maxBytes: count,
    segments: count,
    oldestMs: maybeTimeMs,
    durable: { ...count, description: 'Last position that is on disk' },
    commits: count,
    appended: count,
  },
  required: ['state', 'error', 'bytes', 'maxBytes', 'segments', 'oldestMs', 'durable', 'commits', 'appended'],
} as const

const brokerSchema = {
  type: 'object',
  properties: {
    connections: count,
    sessions: count,
    subscriptions: count,
    receivedPerS: { type: 'number' },
    sentPerS: { type: 'number' },
    received: count,
    sent: count,
    dropped: { type: 'object', additionalProperties: count, description: 'By reason' },
  },
  required: ['connections', 'sessions', 'subscriptions', 'receivedPerS', 'sentPerS', 'received', 'sent', 'dropped'],
} as const

const ruleStateSchema = {
  type: 'object',
  description: 'What a rule keeps per key',
  properties: {
    keys: { ...count, description: 'Keys known, and windows being filled' },
    bytes: { ...count, description: 'As estimated' },
    evicted: { ...count, description: 'Keys forgotten because of a bound' },
    early: { ...count, description: 'Windows closed early because of a bound' },
    late: { ...count, description: 'Messages that came after their window was closed' },
    nextMs: maybeTimeMs,
  },
  required: ['keys', 'bytes', 'evicted', 'early', 'late', 'nextMs'],
} as const

export const hubSchema = {
  type: 'object',
  properties: {
    version: text,
    hub: { ...text, description: 'Identity of this hub' },
    host: text,
    startedMs: timeMs,
    nowMs: timeMs,
    journal: journalSchema,
    broker: brokerSchema,
    connectors: { type: 'array', items: connectorSchema },
    rules: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          name: text,
          ledger: ledgerSchema,
          state: { anyOf: [ruleStateSchema, { type: 'null' }] },
        },
        required: ['name', 'ledger', 'state'],
      },
    },
    ledger: ledgerSchema,
  },
  required: ['version', 'hub', 'host', 'startedMs', 'nowMs', 'journal', 'broker', 'connectors', 'rules', 'ledger'],
} as const

const userPropertiesSchema = {
  type: 'array',
  items: { type: 'array', items: text, minItems: 2, maxItems: 2 },
  description: 'Name and value, in order; names may repeat',
} as const

export const propertiesSchema = {
  type: 'object',
  description: 'MQTT 5 publish properties',
  properties: {
    payloadFormat: { type: 'integer', enum: [0, 1] },
    expirySeconds: { type: 'integer', minimum: 0, maximum: 4294967295 },
    contentType: text,
    responseTopic: text,
    correlationDataBase64: text,
    user: userPropertiesSchema,
  },
  additionalProperties: false,
} as const

export const publishSchema = {
  type: 'object',
  properties: {
    topic: { type: 'string', minLength: 1, maxLength: 65535, examples: ['plants/oslo/lines/3/telemetry'] },
    payload: { ...text, description: 'As UTF-8 text' },
    payloadBase64: { ...text, description: 'As bytes, instead of `payload`' },
    qos: { type: 'integer', enum: [0, 1, 2], default: 1 },
    retain: { type: 'boolean', default: false },
    properties: propertiesSchema,
  },
  required: ['topic'],
  additionalProperties: false,
} as const

export const receiptSchema = {
  type: 'object',
  properties: {
    outcome: {
      enum: ['received', 'stored', 'delivered'],
      description: 'What released the answer: in memory, on disk, confirmed by every sink',
    },
    place: { ...maybeText, description: "Where the far side has it, in the far side's words" },
  },
  required: ['outcome', 'place'],
} as const

const causeSchema = {
  type: 'object',
  properties: { code: text, message: text },
  required: ['code', 'message'],
} as const

const payloadProperties = {
  payloadBase64: text,
  payloadText: { ...maybeText, description: 'The payload when it is text a person can read' },
} as const

export const messageSchema = {
  type: 'object',
  description: 'A message as it was published',
  properties: {
    topic: text,
    qos: { type: 'integer', enum: [0, 1, 2] },
    retain: { type: 'boolean' },
    client: text,
    username: maybeText,
    source: { ...maybeText, description: 'Connector it came in by; null for a device' },
    timeMs,
    properties: { anyOf: [propertiesSchema, { type: 'null' }] },
    ...payloadProperties,
  },
  required: ['topic', 'qos', 'retain', 'client', 'username', 'source', 'timeMs', 'properties', 'payloadBase64'],
} as const

const summaryProperties = {
  id: text,
  sink: text,
  rule: text,
  timeMs,
  error: causeSchema,
  attempts: count,
  topic: text,
  client: text,
  target: maybeText,
  key: maybeText,
  sizeBytes: { ...count, description: 'Payload as published' },
} as const

const summaryRequired = [
  'id',
  'sink',
  'rule',
  'timeMs',
  'error',
  'attempts',
  'topic',
  'client',
  'target',
  'key',
  'sizeBytes',
] as const

export const deadLetterListSchema = {
  type: 'object',
  properties: {
    items: { type: 'array', items: { type: 'object', properties: summaryProperties, required: summaryRequired } },
    total: { type: ['integer', 'null'], description: 'All that fit the question, not only this page; null if unknown' },
  },
  required: ['items', 'total'],
} as const

const owedSchema = {
  type: 'object',
  description: 'What the rule made of it for the sink',
  properties: {
    orderKey: text,
    headers: {
      type: 'array',
      items: { type: 'object', properties: { name: text, value: maybeText, valueBase64: text }, required: ['name'] },
    },
    options: { type: ['object', 'null'] },
    ...payloadProperties,
  },
  required: ['orderKey', 'headers', 'options', 'payloadBase64', 'payloadText'],
} as const

export const deadLetterSchema = {
  type: 'object',
  properties: { ...summaryProperties, message: messageSchema, owed: owedSchema },
  required: [...summaryRequired, 'message', 'owed'],
} as const

export const replayedSchema = {
  type: 'object',
  properties: {
    replayed: count,
    error: { anyOf: [causeSchema, { type: 'null' }], description: 'Why it ended early; the rest stay dead letters' },
  },
  required: ['replayed', 'error'],
} as const

export const discardedSchema = {
  type: 'object',
  properties: { discarded: count },
  required: ['discarded'],
} as const

export const deadLetterQuerySchema = {
  type: 'object',
  properties: {
    sink: text,
    rule: text,
    after: { ...text, description: 'Id behind which the page starts' },
    limit: { type: 'integer', minimum: 1, maximum: 1000, default: 100 },
  },
  additionalProperties: false,
} as const

export const deadLetterChoiceSchema = {
  type: 'object',
  description: 'Ids, or a sink and/or a rule, or all',
  properties: {
    ids: { type: 'array', items: text, minItems: 1, maxItems: 10000 },
    sink: text,
    rule: text,
    all: { type: 'boolean' },
  },
  additionalProperties: false,
} as const

const names = { type: 'array', items: text } as const

export const reloadedSchema = {
  type: 'object',
  description: 'Which rules have changed, by name',
  properties: {
    rules: { ...count, description: 'How many are loaded now' },
    added: names,
    changed: { ...names, description: 'Whose files have changed' },
    removed: names,
  },
  required: ['rules', 'added', 'changed', 'removed'],
} as const

export const probeSchema = {
  type: 'object',
  properties: {
    ok: { type: 'boolean' },
    steps: {
      type: 'array',
      items: {
        type: 'object',
        properties: { step: text, ok: { type: 'boolean' }, detail: text, tookMs: { type: 'number' } },
        required: ['step', 'ok', 'detail', 'tookMs'],
      },
    },
  },
  required: ['ok', 'steps'],
} as const

export const connectorEntrySchema = {
  type: 'object',
  description: 'A connector as the configuration would name it',
  properties: {
    name: text,
    type: { ...text, description: 'Its type, when there is no text' },
    text: { ...text, description: 'Its entry as YAML, as it would stand under its name' },
    file: { ...text, description: 'Where the text comes from, for faults' },
    set: {
      type: 'object',
      additionalProperties: text,
      description: 'Options by dotted path, laid over the entry',
      examples: [{ brokers: '[kafka:9092]', 'tls.ca': '/etc/ca.pem' }],
    },
  },
  required: ['name'],
  additionalProperties: false,
} as const

export const connectorSettingsSchema = {
  type: 'object',
  properties: {
    name: text,
    origin: { enum: ['configuration', 'run-time'] },
    settings: { type: 'object', additionalProperties: true },
  },
  required: ['name', 'origin', 'settings'],
} as const

export const removalSchema = {
  type: 'object',
  properties: { discard: { type: 'boolean', description: 'Drop what it is still owed' } },
  additionalProperties: false,
} as const

export const removedSchema = discardedSchema
export const nameSchema = { type: 'object', properties: { name: text }, required: ['name'] } as const
export const idSchema = { type: 'object', properties: { id: text }, required: ['id'] } as const
