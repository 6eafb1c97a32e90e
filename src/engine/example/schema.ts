/** The shape of a rule's examples. *Source*: `docs/reference/rules.md` is printed from it. */
const text = { type: 'string', minLength: 1 }
const span = {
  type: 'string',
  pattern: '^\\d+(\\.\\d+)?\\s*(ms|s|m|min|h|d)$',
  expects: 'a time such as 500ms, 60s, 5m',
}
const range = { type: ['string', 'number'] }

const message = {
  type: 'object',
  required: ['topic'],
  additionalProperties: false,
  properties: {
    topic: { ...text, description: 'Where it is published.' },
    payload: {
      description: 'Data, sent as the rule decodes it (JSON, or by the schema’s format); text is sent as it is.',
    },
    payload_hex: { type: 'string', description: 'The payload’s bytes in hexadecimal; spaces are for the reader.' },
    payload_base64: { type: 'string', description: 'The payload’s bytes in base64.' },
    at: { ...span, description: 'When, counted from the start of the example. Default: together with the one before.' },
    client: { ...text, default: 'example', description: 'Client identifier of the publisher.' },
    username: { type: ['string', 'null'], description: 'As whom the client has logged in.' },
    qos: { type: 'integer', enum: [0, 1, 2], default: 1, description: 'Quality of service; 0 is not answered.' },
    retain: { type: 'boolean', default: false },
    properties: { type: 'object', description: 'MQTT 5 properties under the names that expressions use.' },
    source: { ...text, description: 'Name of the connector it came in by; none for what a device publishes.' },
    time: { ...text, description: 'Arrival at the hub (`2026-01-15T06:00:00Z`); only in the first message.' },
  },
}

const fault = {
  type: 'object',
  additionalProperties: false,
  properties: {
    sink: { ...text, description: 'The sink that fails.' },
    journal: { type: 'string', enum: ['full', 'failing'], description: 'Instead: the journal takes nothing.' },
    fails: {
      ...text,
      description:
        'How: `unavailable` and `timeout` pass by themselves, `reconnect` takes a new connection, `rejected` never passes; or a code of a far side such as E604.',
    },
    from: { ...span, description: 'When it begins, counted from the start. Default: at once.' },
    for: { ...span, description: 'How long. Default: for ever, or until `times`.' },
    times: { type: 'integer', minimum: 1, description: 'How often.' },
  },
}

const expectation = {
  type: 'object',
  properties: {
    sink: { ...text, description: 'A delivery to this sink; those of one sink in their order, and all of them.' },
    publish: { ...text, description: 'A topic that the rule publishes to.' },
    puback: {
      type: ['string', 'integer'],
      description: 'What the publisher hears: `success`, a reason such as `payload format invalid`, or 0x99.',
    },
    dead_letter: { ...text, description: 'A dead letter: its code, or a part of its reason.' },
    payload: { description: 'The whole payload; numbers may differ in the tenth digit.' },
    payload_includes: { type: 'object', description: 'Fields that the payload has among others.' },
    payload_hex: { type: 'string', description: 'The payload’s bytes in hexadecimal.' },
    payload_base64: { type: 'string', description: 'The payload’s bytes in base64.' },
    key: { type: ['string', 'null'] },
    headers: { type: 'object', description: 'Headers it has among others.' },
    retain: { type: 'boolean' },
    qos: { type: 'integer', enum: [0, 1, 2] },
    reason: { ...text, description: 'A part of the reason that the publisher hears.' },
    after: { ...range, description: 'When, counted from the start: `60s..70s`, `< 1s`, `60s`.' },
    attempts: { ...range, description: 'How many it took: `1`, `> 1`, `2..4`.' },
    count: { type: 'integer', minimum: 0, description: 'So many of this kind; 0: none.' },
    rule: { ...text, description: 'What another rule makes of it, instead of this one.' },
  },
}

export const exampleSchema = {
  type: 'object',
  required: ['name', 'given', 'expect'],
  additionalProperties: false,
  properties: {
    name: { ...text, description: 'What the example shows, as a sentence.' },
    given: {
      description: 'The message, or a list of them.',
      anyOf: [message, { type: 'array', minItems: 1, items: message }],
    },
    faults: { type: 'array', items: fault, description: 'What goes wrong meanwhile.' },
    until: { ...span, description: 'How long the clock runs on. Default: until all is quiet, at most an hour.' },
    expect: {
      type: 'array',
      items: expectation,
      description: 'What becomes of it; `[]`: nothing anywhere. What no entry names is not compared.',
    },
  },
} as const
