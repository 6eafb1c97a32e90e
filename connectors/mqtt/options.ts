import { type OptionsOf, quantities, tlsFields, withDefaults } from 'trestle/contract'

/** A last will, for the connector and for its sources. */
const will = {
  type: 'object',
  additionalProperties: false,
  required: ['topic'],
  properties: {
    topic: { type: 'string', minLength: 1, description: 'Where it is published.' },
    payload: { type: 'string', default: '', description: 'What is published, as text.' },
    encoding: { enum: ['plain', 'base64'], default: 'plain', description: 'How `payload` is written here.' },
    qos: { enum: [0, 1, 2], default: 1, description: 'Its QoS.' },
    retain: { type: 'boolean', default: false, description: 'Whether it is retained.' },
    delay_s: { ...quantities.s, default: 0, description: 'How long the server waits with it (MQTT 5).' },
  },
} as const

/** What stands under a connector of `type: mqtt` in the configuration. */
export const mqttSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['server'],
  properties: {
    server: {
      type: 'string',
      pattern: '^(mqtt|mqtts|ws|wss)://[^\\s]+$',
      description:
        'The server: `mqtt://` is plain, `mqtts://` TLS, `ws://` and `wss://` WebSocket (their path is `/mqtt` unless given). Ports: 1883, 8883, 80, 443.',
      examples: ['mqtts://broker.example.com:8883', 'wss://broker.example.com/mqtt'],
    },
    version: { enum: ['5', '3.1.1'], default: '5', description: 'The version of MQTT to speak.' },
    username: { type: 'string', description: 'The user name.' },
    password: {
      type: 'string',
      secret: true,
      description: 'The password.',
      examples: ['${env:MQTT_PASSWORD}'],
    },
    client_id_prefix: {
      type: 'string',
      maxLength: 100,
      default: 'trestle',
      description:
        'Client ids begin with it: `<prefix>-<hub>-<connector>-<n>` of the connections that publish, `<prefix>-<hub>-<connector>-in-<…>` of a source. They are the same after every start.',
    },
    keepalive_s: {
      ...quantities.s,
      default: 30,
      description: 'The connection is asked for a sign of life when it was silent for half as long.',
    },
    connect_timeout_ms: {
      ...quantities.ms,
      default: 10_000,
      description: 'How long opening a connection, login included, may take.',
    },
    ack_timeout_ms: {
      ...quantities.ms,
      default: 30_000,
      description: 'How long the server may take to confirm a message before the connection counts as lost.',
    },
    session_expiry_s: {
      ...quantities.s,
      default: 86_400,
      description:
        'How long the server keeps the session of a connection that is lost; 0: no session is kept, and QoS 2 is at-least-once over a lost connection. In 3.1.1 anything above 0 means a session without end.',
    },
    max_packet_bytes: {
      ...quantities.bytes,
      default: 16_777_216,
      description: 'The largest packet that is taken from the server.',
    },
    topic_alias_maximum: {
      type: 'integer',
      minimum: 0,
      maximum: 65_535,
      default: 0,
      description: 'How many topics either side may shorten to a number (MQTT 5).',
    },
    connections: {
      type: 'integer',
      minimum: 1,
      maximum: 64,
      default: 1,
      description:
        'How many connections the sink publishes over. What must keep its order among itself goes over the same one.',
    },
    qos: {
      enum: ['follow', 0, 1, 2],
      default: 'follow',
      description:
        'QoS of what is published: that of the message, or a fixed one. With 0, delivered only means handed to the network.',
    },
    retain: {
      enum: ['follow', true, false],
      default: 'follow',
      description: 'The retained flag of what is published: that of the message, or fixed.',
    },
    skip_levels: {
      type: 'integer',
      minimum: 0,
      default: 0,
      description: 'So many levels are taken off the front of the topic, for rules that name none.',
    },
    prefix: {
      type: 'string',
      default: '',
      description: 'Put before the topic (after `skip_levels`), for rules that name none.',
      examples: ['sites/oslo/'],
    },
    mqtt_headers: {
      type: 'boolean',
      default: true,
      description:
        'Add where a message came from as user properties (MQTT 5): its client, time, and what its copy does not say by itself. `trestle-id` and `trestle-hops` are always there.',
    },
    max_in_flight: {
      type: 'integer',
      minimum: 1,
      maximum: 60_000,
      default: 1000,
      description: 'The most messages of a connection that wait for the server; its own receive maximum counts too.',
    },
    linger_ms: {
      ...quantities.ms,
      default: 5,
      description: 'How long a batch may wait to fill while messages flow.',
    },
    batch_count: {
      type: 'integer',
      minimum: 1,
      maximum: 50_000,
      default: 1000,
      description: 'The most messages of one batch.',
    },
    batch_bytes: {
      ...quantities.bytes,
      default: 1_000_000,
      description: 'The most payload bytes of one batch.',
    },
    probe_topic: {
      type: 'string',
      minLength: 1,
      default: 'trestle/probe',
      description: 'A probe subscribes below it, publishes there, and waits for its own message.',
    },
    will: {
      ...will,
      description: 'What the server publishes when the first connection of the sink is lost without a farewell.',
    },
    tls: {
      type: 'object',
      additionalProperties: false,
      description: 'How TLS is spoken with `mqtts://` and `wss://`. Values are PEM texts or paths of PEM files.',
      properties: {
        ...tlsFields('server'),
        server_name: { type: 'string', description: 'The name to ask for and to find in the certificate.' },
        alpn: {
          type: 'array',
          items: { type: 'string' },
          description: 'Protocols to offer (ALPN).',
          examples: [['x-amzn-mqtt-ca']],
        },
      },
      examples: [{ ca: '/etc/trestle/broker-ca.pem' }],
    },
  },
} as const

export type MqttOptions = OptionsOf<typeof mqttSchema>
/** A last will as options have it. */
export type WillOptions = OptionsOf<typeof will>

/** Fields a rule's target may carry for MQTT. */
export const mqttTargetSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    topic: {
      type: 'string',
      description: 'The topic; `${…}` is filled in. Default: that of the message, with `skip_levels` and `prefix`.',
      examples: ['sites/oslo/${topic}'],
    },
    qos: { type: 'integer', enum: [0, 1, 2], description: 'QoS. Default: the `qos` of the connector.' },
    retain: { type: 'boolean', description: 'The retained flag. Default: the `retain` of the connector.' },
  },
} as const

/** The options, complete. */
export const mqttOptions = (given: object): MqttOptions => withDefaults(mqttSchema, given)
