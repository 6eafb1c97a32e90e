import type { Connector } from 'trestle/contract'
import { type NatsOptions, natsOptions, natsSchema, natsTargetSchema } from './options.ts'
import { type NatsSourceOptions, natsSourceOptions, natsSourceSchema } from './source-options.ts'

/**
 * NATS 2.9 and newer, core and JetStream. It promises: `delivered` means that a stream has stored the message (with
 * `mode: core`: that the server has taken it in); messages of a key keep their order; what is sent twice within the
 * duplicate window, or found at the end of the named stream, is there once; what is read from a stream is acknowledged
 * when the hub has it. It does not change streams that exist, and it does not wait for servers that are away: the hub does.
 *
 * Files: `options`, `login-options`, `source-options` what the user writes; `client` one connection, `login` its proofs.
 * Out: `sink` with `addresses`; `publisher`, `runs`, `publish-ack` into streams, `core-publisher`, `object-publisher`;
 * `streams` what must be there, `read-back` what is there already. In: `source` with `stream-reader`, `pull`,
 * `consumers`, `reclaim`, `unsettled`, and `core-reader`. Both: `subject-mapping`, `headers`, `replies`; `errors`, `probe`.
 */
const nats: Connector = {
  type: 'nats',
  summary: 'writes to and reads from NATS: JetStream streams, core subjects, key-value and object buckets',
  options: natsSchema,
  targetOptions: natsTargetSchema,
  targetField: 'subject',
  createSink: async (options: NatsOptions, context) => {
    const { NatsSink } = await import('./sink.ts')
    return new NatsSink(natsOptions(options), context)
  },
  sourceOptions: natsSourceSchema,
  createSource: async (options: NatsOptions, source: NatsSourceOptions, context) => {
    const { NatsSource } = await import('./source.ts')
    return new NatsSource(natsOptions(options), natsSourceOptions(source), context)
  },
  farSide: ({ servers }: NatsOptions) => `nats ${servers.map((server) => server.toLowerCase()).sort()}`,
  reads: (_options: NatsOptions, source: NatsSourceOptions) => readsOf(source),
  // Without a name the topic decides, which only the message knows; keys and objects are in a bucket, not in a subject.
  writes: ({ mode = 'jetstream', subject }: NatsOptions, target) =>
    mode === 'jetstream' || mode === 'core' ? (target ?? subject ?? null) : null,
  probe: async (options: NatsOptions, context) => {
    const { probeNats } = await import('./probe.ts')
    return probeNats(natsOptions(options), context)
  },
}

/**
 * Subjects with `*` for any text. What a stream holds whose subjects are not named only the server knows, and to refuse a
 * configuration for a circle that is perhaps none would be worse than to drop what comes back; a bucket is no subject.
 */
const readsOf = ({ mode = 'jetstream', subjects }: NatsSourceOptions): readonly string[] => {
  if (mode === 'kv') return []
  return subjects?.map((subject) => subject.replaceAll('>', '*')) ?? []
}

export default nats
