import type { Connector } from 'trestle/contract'
import { type MqttOptions, mqttOptions, mqttSchema, mqttTargetSchema } from './options.ts'
import { type MqttSourceOptions, mqttSourceOptions, mqttSourceSchema } from './source-options.ts'
import { addressOf } from './transport.ts'

/**
 * Servers of MQTT 3.1.1 and 5, both ways. It promises: `delivered` means PUBACK or PUBCOMP; QoS 2 leaves as QoS 2 and
 * arrives once, also over a hub that was killed; the server gets its PUBACK or PUBREC for what comes in only when the
 * hub has it; order is kept. It does not connect again by itself while messages wait: the hub does.
 *
 * Files: `options`, `source-options` what the user writes; `sink` shares deliveries among `lane`s, one connection each;
 * `exchange` is the life of a packet identifier, `claims` keeps those of QoS 2 on disk, `publication` makes a PUBLISH;
 * `source` takes in, `arrival` makes messages, `unsettled` acknowledges in order, `taken` knows repeats of QoS 2;
 * `sent-window` knows echoes; `connection` speaks over a `transport` (`dial`, `websocket`) in packets of `wire/`;
 * `login`; `errors` gives every no its class; `probe` walks the path.
 */
const mqtt: Connector = {
  type: 'mqtt',
  summary: 'publishes to and subscribes at another MQTT server',
  options: mqttSchema,
  targetOptions: mqttTargetSchema,
  targetField: 'topic',
  sourceOptions: mqttSourceSchema,
  createSink: async (options: MqttOptions, context) => {
    const { MqttSink } = await import('./sink.ts')
    return new MqttSink(mqttOptions(options), context)
  },
  createSource: async (options: MqttOptions, source: MqttSourceOptions, context) => {
    const { MqttSource } = await import('./source.ts')
    return new MqttSource(mqttOptions(options), mqttSourceOptions(source), context)
  },
  farSide: ({ server }: MqttOptions) => (URL.canParse(server) ? addressOf(server).place : server).toLowerCase(),
  reads: (_options: MqttOptions, source: MqttSourceOptions) => readsOf(source),
  // Without a name the topic of the message decides, behind the prefix.
  writes: ({ prefix = '' }: MqttOptions, target) => target ?? (prefix === '' ? null : `${prefix}*`),
  probe: async (options: MqttOptions, context) => {
    const { probeMqtt } = await import('./probe.ts')
    return probeMqtt(mqttOptions(options), context)
  },
}

/** Filters with `*` for any text. With levels taken off, what `${topic}` becomes cannot be said in the words of what was read. */
function readsOf({ filters, publish = '${topic}', skip_levels: skip = 0 }: MqttSourceOptions): readonly string[] {
  if (skip > 0 && publish.includes('${topic}')) return []
  return filters.flatMap((filter) => {
    const address = filter.replace(/^\$share\/[^/]*\//, '').replaceAll(/[+#]/g, '*')
    // `a/#` takes `a` too [MQTT-4.7.1-2].
    return address.endsWith('/*') && filter.endsWith('#') ? [address, address.slice(0, -2)] : [address]
  })
}

export default mqtt
