import {
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { type ObjectStore, Objm } from '@nats-io/obj'
import { TrestleError } from 'trestle/contract'
import type { NatsClient } from './client.ts'
import { fromThrown } from './errors.ts'
import type { NatsOptions } from './options.ts'

const nanos = (seconds: number): number => seconds * 1_000_000_000
const streamNotFound = 10059

/** The named stream; made when it is to be and is not there. *Errors*: E604, E603, those of the connection. */
export async function needStream(client: NatsClient, options: NatsOptions): Promise<StreamInfo | null> {
  const { stream } = options
  if (stream === undefined) return null
  const manager = await client.manager()
  const place = `stream ${stream.name}`
  try {
    const found = await findStream(manager, stream.name)
    if (found !== null) return found
    if (!stream.create) throw absent(place, 'create the stream, or set `stream.create: true`')
    return await manager.streams.add(streamConfig(options))
  } catch (thrown) {
    throw fromThrown(thrown, place)
  }
}

export async function findStream(manager: JetStreamManager, name: string): Promise<StreamInfo | null> {
  try {
    return await manager.streams.info(name)
  } catch (thrown) {
    if (thrown instanceof JetStreamApiError && thrown.code === streamNotFound) return null
    throw thrown
  }
}

type NewStream = Partial<StreamConfig> & Pick<StreamConfig, 'name'>

function streamConfig(options: NatsOptions): NewStream {
  const { max_bytes, max_msgs, max_age_s, max_message_bytes, ...stream } = options.stream!
  const config: NewStream = {
    name: stream.name,
    subjects: [...(stream.subjects ?? defaultSubjects(options))],
    storage: stream.storage === 'file' ? StorageType.File : StorageType.Memory,
    retention: retentions[stream.retention],
    discard: stream.discard === 'old' ? DiscardPolicy.Old : DiscardPolicy.New,
    duplicate_window: nanos(stream.duplicate_window_s),
    num_replicas: stream.replicas,
  }
  if (max_bytes !== undefined) config.max_bytes = max_bytes
  if (max_msgs !== undefined) config.max_msgs = max_msgs
  if (max_message_bytes !== undefined) config.max_msg_size = max_message_bytes
  if (max_age_s !== undefined) {
    config.max_age = nanos(max_age_s)
    // The server takes no window that is longer than its messages live.
    config.duplicate_window = Math.min(nanos(max_age_s), nanos(stream.duplicate_window_s))
  }
  return config
}

const retentions = {
  limits: RetentionPolicy.Limits,
  interest: RetentionPolicy.Interest,
  workqueue: RetentionPolicy.Workqueue,
} as const

function defaultSubjects({ subject, subject_prefix: prefix, stream }: NatsOptions): string[] {
  if (prefix !== undefined) return [`${prefix}.>`, ...(subject === undefined ? [] : [subject])]
  if (subject !== undefined) return [subject]
  throw new TrestleError('E105', `stream ${stream!.name} is to be made, but not with which subjects`, {
    detail: { advice: 'name `stream.subjects`, or give the connector a `subject_prefix`' },
  })
}

const absent = (place: string, advice: string): TrestleError =>
  new TrestleError('E604', `${place} does not exist`, { detail: { place, advice } })

function bucketOf(options: NatsOptions): NonNullable<NatsOptions['bucket']> {
  if (options.bucket !== undefined) return options.bucket
  throw new TrestleError('E105', `mode ${options.mode} needs a bucket`, {
    detail: { advice: 'add `bucket: { name }`' },
  })
}

/** Sees that the bucket of `mode: kv` is there; answers what stands before its keys. *Errors*: as `needStream`. */
export async function needKeyValues(client: NatsClient, options: NatsOptions): Promise<string> {
  const { name, create, storage, history, ttl_s, max_bytes, replicas } = bucketOf(options)
  const place = `bucket ${name}`
  const manager = await client.manager()
  try {
    if ((await findStream(manager, `KV_${name}`)) === null) {
      if (!create) throw absent(place, 'create the bucket, or set `bucket.create: true`')
      await new Kvm(manager.jetstream()).create(name, {
        history,
        replicas,
        storage: storage === 'file' ? StorageType.File : StorageType.Memory,
        ...(ttl_s !== undefined && { ttl: ttl_s * 1000 }),
        ...(max_bytes !== undefined && { max_bytes }),
      })
    }
    return `$KV.${name}.`
  } catch (thrown) {
    throw fromThrown(thrown, place)
  }
}

/** The bucket of `mode: object`. *Errors*: as `needStream`. */
export async function needObjects(client: NatsClient, options: NatsOptions): Promise<ObjectStore> {
  const { name, create, storage, ttl_s, max_bytes, replicas } = bucketOf(options)
  const place = `bucket ${name}`
  const manager = await client.manager()
  const objects = new Objm(manager.jetstream())
  try {
    if ((await findStream(manager, `OBJ_${name}`)) !== null) return await objects.open(name)
    if (!create) throw absent(place, 'create the bucket, or set `bucket.create: true`')
    return await objects.create(name, {
      replicas,
      storage: storage === 'file' ? StorageType.File : StorageType.Memory,
      ...(ttl_s !== undefined && { ttl: nanos(ttl_s) }),
      ...(max_bytes !== undefined && { max_bytes }),
    })
  } catch (thrown) {
    throw fromThrown(thrown, place)
  }
}
