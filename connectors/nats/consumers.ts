import { createHash } from 'node:crypto'
import {
  AckPolicy,
  type ConsumerConfig,
  type ConsumerInfo,
  DeliverPolicy,
  JetStreamApiError,
  type JetStreamManager,
} from '@nats-io/jetstream'
import { type ConnectorContext, TrestleError } from 'trestle/contract'
import type { NatsClient } from './client.ts'
import { fromThrown } from './errors.ts'
import type { NatsOptions } from './options.ts'
import type { NatsSourceOptions } from './source-options.ts'
import { findStream } from './streams.ts'

/** A durable consumer of the server: where a source reads, and how far it is. */
export interface DurableConsumer {
  readonly stream: string
  readonly name: string
  /** *Unit*: ms. */
  readonly ackWaitMs: number
  /** Another stream of the same name has another one; it tells sequences apart. */
  readonly identity: string
}

/** What is read, as the server knows it. *Errors*: E105. */
export function readPlace(
  options: NatsOptions,
  source: NatsSourceOptions,
): { stream: string; filters: readonly string[] } {
  if (source.mode === 'kv') {
    const bucket = source.bucket ?? options.bucket?.name
    if (bucket === undefined) throw unnamed('bucket')
    return { stream: `KV_${bucket}`, filters: (source.subjects ?? []).map((key) => `$KV.${bucket}.${key}`) }
  }
  const stream = source.stream ?? options.stream?.name
  if (stream === undefined) throw unnamed('stream')
  return { stream, filters: source.subjects ?? [] }
}

const unnamed = (what: string): TrestleError =>
  new TrestleError('E105', `the source names no ${what}`, { detail: { advice: `add \`${what}\` to the source` } })

/**
 * The consumer of a source, made when it is not there. One that is there is taken as it is, position included.
 * *Errors*: E604 without the stream, E603, E611, those of the connection.
 */
export async function needConsumer(
  client: NatsClient,
  options: NatsOptions,
  source: NatsSourceOptions,
  context: ConnectorContext,
): Promise<DurableConsumer> {
  const { stream, filters } = readPlace(options, source)
  const name = source.durable ?? durableName(context, stream, filters)
  const place = `consumer ${name} of stream ${stream}`
  try {
    const manager = await client.manager()
    const info = await findStream(manager, stream)
    if (info === null) {
      const advice = source.mode === 'kv' ? 'create the bucket' : 'create the stream'
      throw new TrestleError('E604', `stream ${stream} does not exist`, { detail: { place: stream, advice } })
    }
    const found = await find(manager, stream, name)
    if (found !== null) tellDifference(found, filters, source, context)
    const consumer = found ?? (await make(manager, stream, name, filters, source))
    check(consumer, place)
    const ackWaitMs = (consumer.config.ack_wait ?? 30_000_000_000) / 1_000_000
    return { stream, name, ackWaitMs, identity: `${stream}/${name}/${String(info.created)}` }
  } catch (thrown) {
    const error = fromThrown(thrown, place)
    if (filters.length < 2 || !/^2\.[0-9]\./.test(client.connection.info?.version ?? '')) throw error
    throw new TrestleError('E611', `${place}: ${error.message}`, {
      detail: { place, advice: 'nats-server older than 2.10 takes one of `subjects`: use a wildcard, or two sources' },
    })
  }
}

/** No two hubs and no two sources of one hub share it. *Shape*: letters that the server takes in a name. */
function durableName(context: ConnectorContext, stream: string, filters: readonly string[]): string {
  const read = createHash('sha256')
    .update(JSON.stringify([stream, filters]))
    .digest('hex')
    .slice(0, 8)
  return `trestle-${context.name}-${context.hub}-${read}`.replace(/[^-_a-zA-Z0-9]/g, '_')
}

async function find(manager: JetStreamManager, stream: string, name: string): Promise<ConsumerInfo | null> {
  try {
    return await manager.consumers.info(stream, name)
  } catch (thrown) {
    if (thrown instanceof JetStreamApiError && thrown.status === 404) return null
    throw thrown
  }
}

const policies = {
  all: DeliverPolicy.All,
  last: DeliverPolicy.Last,
  new: DeliverPolicy.New,
  last_per_subject: DeliverPolicy.LastPerSubject,
  by_start_sequence: DeliverPolicy.StartSequence,
  by_start_time: DeliverPolicy.StartTime,
} as const

function make(
  manager: JetStreamManager,
  stream: string,
  name: string,
  filters: readonly string[],
  source: NatsSourceOptions,
): Promise<ConsumerInfo> {
  const deliver = source.deliver ?? (source.mode === 'kv' ? 'last_per_subject' : 'all')
  const config: Partial<ConsumerConfig> = {
    durable_name: name,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: policies[deliver],
    ack_wait: source.ack_wait_ms * 1_000_000,
    max_deliver: source.max_deliver,
    max_ack_pending: source.max_ack_pending ?? source.max_unsettled,
  }
  if (filters.length === 1) config.filter_subject = filters[0]!
  if (filters.length > 1) config.filter_subjects = [...filters]
  // `last per subject` wants to know of which subjects.
  if (filters.length === 0 && deliver === 'last_per_subject') config.filter_subject = '>'
  if (deliver === 'by_start_sequence') config.opt_start_seq = source.start_sequence ?? 1
  if (deliver === 'by_start_time') config.opt_start_time = startTime(source.start_time)
  return manager.consumers.add(stream, config)
}

function startTime(given: string | undefined): string {
  const time = new Date(given ?? '')
  if (!Number.isNaN(time.getTime())) return time.toISOString()
  throw new TrestleError('E104', `start_time: \`${given}\` is not a time`, {
    detail: { advice: 'write it as 2026-01-01T00:00:00Z' },
  })
}

/** A consumer that is there reads what it was made for, whatever the source says now. */
function tellDifference(
  { config, name }: ConsumerInfo,
  filters: readonly string[],
  source: NatsSourceOptions,
  context: ConnectorContext,
): void {
  const has = config.filter_subjects ?? (config.filter_subject === undefined ? [] : [config.filter_subject])
  const reads = has.filter((filter) => filter !== '>' && filter !== '').toSorted()
  const same = JSON.stringify(reads) === JSON.stringify(filters.toSorted())
  const ackWaitMs = (config.ack_wait ?? 0) / 1_000_000
  if (same && ackWaitMs === source.ack_wait_ms) return
  const facts = { consumer: name, reads, wanted: filters, ackWaitMs, wantedMs: source.ack_wait_ms }
  context.log('warn', 'nats.consumer-differs', { ...facts, advice: 'delete it, or name another `durable`' })
}

function check({ config }: ConsumerInfo, place: string): void {
  const wrong =
    config.deliver_subject === undefined
      ? config.ack_policy === AckPolicy.Explicit
        ? null
        : `its messages are acknowledged as \`${config.ack_policy}\``
      : 'it pushes'
  if (wrong === null) return
  throw new TrestleError('E604', `${place} cannot be used: ${wrong}`, {
    detail: { place, advice: 'choose another `durable`, or make a pull consumer with explicit acknowledgement' },
  })
}
