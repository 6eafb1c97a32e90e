import { inboundFields, type OptionsOf, quantities, withDefaults } from 'trestle/contract'
import { mqttSchema } from './options.ts'

/** One entry of `sources:` of a connector of `type: mqtt`. */
export const mqttSourceSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['filters'],
  properties: {
    ...inboundFields,
    publish: { ...inboundFields.publish, default: '${topic}' },
    filters: {
      type: 'array',
      minItems: 1,
      items: { type: 'string', minLength: 1, maxLength: 65_000 },
      description: 'Topic filters to subscribe to.',
      examples: [['plants/+/telemetry', 'alarms/#']],
    },
    subscribe_qos: {
      enum: [0, 1, 2],
      default: 2,
      description: 'The highest QoS the server may send with; each message keeps its own below that.',
    },
    share: {
      type: 'string',
      pattern: '^[^/+#\\s]+$',
      description:
        'Subscribe as a member of this group (`$share/<group>/…`): each message goes to one member only. Order then holds within what this member gets.',
    },
    no_local: {
      type: 'boolean',
      default: true,
      description: 'Do not take what this very connection has published (MQTT 5, not with `share`).',
    },
    retain_as_published: {
      type: 'boolean',
      default: true,
      description: 'Keep the retained flag of messages as they were published (MQTT 5).',
    },
    retain_handling: {
      enum: ['always', 'new', 'never'],
      default: 'new',
      description:
        'Whether the server sends retained messages at every start, only when the subscription is new, or never (MQTT 5; in 3.1.1 it always does).',
    },
    skip_levels: {
      type: 'integer',
      minimum: 0,
      default: 0,
      description: 'So many levels are taken off the front of the topic; `${topic}` is what remains.',
    },
    client_id: {
      type: 'string',
      minLength: 1,
      maxLength: 200,
      description:
        'The client id. Default: made of the hub, the connector and the filters, so that other filters begin another session.',
    },
    max_unsettled: {
      type: 'integer',
      minimum: 1,
      maximum: 65_535,
      default: 10_000,
      description:
        'The most messages that were taken and are not safe yet. It is the receive maximum told to the server.',
    },
    max_unsettled_bytes: {
      ...quantities.bytes,
      default: 16_777_216,
      description: 'The most bytes of them; beyond, nothing more is read.',
    },
    will: {
      ...mqttSchema.properties.will,
      description: 'What the server publishes when the connection of this source is lost without a farewell.',
    },
  },
} as const

export type MqttSourceOptions = OptionsOf<typeof mqttSourceSchema>

/** The options, complete. */
export const mqttSourceOptions = (given: object): MqttSourceOptions => withDefaults(mqttSourceSchema, given)
