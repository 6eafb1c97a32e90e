import type { Connector } from 'trestle/contract'
import { type PulsarOptions, pulsarOptions, pulsarSchema, pulsarTargetSchema } from './options.ts'
import { readsOf, writesTo } from './places.ts'
import { type PulsarSourceOptions, pulsarSourceOptions, pulsarSourceSchema } from './source-options.ts'

/**
 * Apache Pulsar 2.8 and newer, by the binary protocol. It promises: `delivered` means that the bookies have the message;
 * messages of a key keep their order; on a topic with deduplication none is there twice, whatever is killed when; what
 * is read is acknowledged when the hub has it. It does not create topics by itself (the brokers may), and it does not
 * wait for a cluster that is away: the hub does.
 *
 * Files: `options`, `source-options` what the user writes; `client` opens the protocol room, `protocol/` is the client
 * itself. Out: `sink` sorts deliveries into outlets, `topics` knows partitions, `outlet` writes to one topic or partition,
 * `numbering` and `claim-log` let the broker recognise what is sent again, `lots` makes entries of deliveries, `properties`
 * what travels with each, `hashing`. In: `source` with `record`, `seek-memory`, `dead-letter-topic`. Both: `errors`
 * gives every fault its class, `probe` walks the path, `places` says what is read and written; `native/` is sink and
 * source by the library `pulsar-client`.
 */
const pulsar: Connector = {
  type: 'pulsar',
  summary: 'writes to and reads from topics of Apache Pulsar',
  options: pulsarSchema,
  targetOptions: pulsarTargetSchema,
  targetField: 'topic',
  createSink: async (options: PulsarOptions, context) => {
    const given = pulsarOptions(options)
    if (given.driver === 'native') {
      const { NativePulsarSink } = await import('./native/sink.ts')
      return new NativePulsarSink(given, context)
    }
    const { PulsarSink } = await import('./sink.ts')
    return new PulsarSink(given, context)
  },
  sourceOptions: pulsarSourceSchema,
  createSource: async (options: PulsarOptions, source: PulsarSourceOptions, context) => {
    const [given, reads] = [pulsarOptions(options), pulsarSourceOptions(source)]
    if (given.driver === 'native') {
      const { NativePulsarSource } = await import('./native/source.ts')
      return new NativePulsarSource(given, reads, context)
    }
    const { PulsarSource } = await import('./source.ts')
    return new PulsarSource(given, reads, context)
  },
  farSide: ({ servers }: PulsarOptions) =>
    servers
      .map((url) => url.toLowerCase())
      .sort()
      .join(' '),
  reads: (_options: PulsarOptions, source: PulsarSourceOptions) => readsOf(source),
  writes: writesTo,
  probe: async (options: PulsarOptions, context) => {
    const { probePulsar } = await import('./probe.ts')
    return probePulsar(pulsarOptions(options), context)
  },
}

export default pulsar
