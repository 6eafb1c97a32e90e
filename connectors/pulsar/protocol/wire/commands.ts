/**
 * Every command this client speaks, as tables of fields. Numbers are those of the protocol (version 21, Pulsar 4.0);
 * fields that nobody here needs are left out, and passed over when they come.
 *
 * *Shape*: a command's number is both its type and the number of its field in BaseCommand; see frame.ts.
 */
import { bytes, flag, int, long, many, nested, type Shape, shape, text } from './shape.ts'

/** Where an entry lies. *Shape*: `batchIndex` -1: the whole entry; `ackSet` has a bit for each message not yet acknowledged. */
export const messageIdShape = shape({
  ledgerId: long(1, 0n),
  entryId: long(2, 0n),
  partition: int(3, -1),
  batchIndex: int(4, -1),
  ackSet: many(long(5)),
  batchSize: int(6),
})
export const keyValueShape = shape({ key: text(1, ''), value: text(2, '') })
export const schemaShape = shape({
  name: text(1, ''),
  data: bytes(3),
  type: int(4, 0),
  properties: many(nested(5, keyValueShape)),
})
const authDataShape = shape({ method: text(1), data: bytes(2) })
const featuresShape = shape({
  authRefresh: flag(1),
  brokerEntryMetadata: flag(2),
  partialProducer: flag(3),
  topicWatchers: flag(4),
  partitionsWithoutCreation: flag(5),
})
const intRangeShape = shape({ start: int(1, 0), end: int(2, 0) })
const keySharedShape = shape({ mode: int(1, 0), ranges: many(nested(3, intRangeShape)), allowOutOfOrder: flag(4) })

/** How producers share a topic. */
export const accessModes = { shared: 0, exclusive: 1, wait_for_exclusive: 2, exclusive_with_fencing: 3 } as const
export const subscriptionTypes = { exclusive: 0, shared: 1, failover: 2, key_shared: 3 } as const
export const initialPositions = { latest: 0, earliest: 1 } as const
export const keySharedModes = { auto_split: 0, sticky: 1 } as const
export const ackTypes = { individual: 0, cumulative: 1 } as const
/** Why a consumer throws an entry away. */
export const validationErrors = { size: 0, decompression: 1, checksum: 2, batch: 3, decryption: 4 } as const
export const topicModes = { persistent: 0, non_persistent: 1, all: 2 } as const
/** What a lookup answers. */
export const lookupTypes = { redirect: 0, connect: 1, failed: 2 } as const

const command = <const Number_ extends number, Values extends object>(number: Number_, body: Shape<Values>) => ({
  number,
  body,
})

export const commands = {
  connect: command(
    2,
    shape({
      clientVersion: text(1, ''),
      authMethod: text(5),
      authData: bytes(3),
      protocolVersion: int(4, 0),
      proxyToBroker: text(6),
      features: nested(10, featuresShape),
    }),
  ),
  connected: command(
    3,
    shape({
      serverVersion: text(1, ''),
      protocolVersion: int(2, 0),
      maxMessageBytes: int(3),
      features: nested(4, featuresShape),
    }),
  ),
  subscribe: command(
    4,
    shape({
      topic: text(1, ''),
      subscription: text(2, ''),
      type: int(3, 0),
      consumerId: int(4, 0),
      requestId: int(5, 0),
      consumerName: text(6),
      priorityLevel: int(7),
      durable: flag(8, true),
      startMessageId: nested(9, messageIdShape),
      metadata: many(nested(10, keyValueShape)),
      readCompacted: flag(11),
      schema: nested(12, schemaShape),
      initialPosition: int(13, 0),
      replicateState: flag(14),
      forceTopicCreation: flag(15, true),
      startRollbackSeconds: int(16),
      keyShared: nested(17, keySharedShape),
      properties: many(nested(18, keyValueShape)),
      epoch: int(19),
    }),
  ),
  producer: command(
    5,
    shape({
      topic: text(1, ''),
      producerId: int(2, 0),
      requestId: int(3, 0),
      producerName: text(4),
      metadata: many(nested(6, keyValueShape)),
      schema: nested(7, schemaShape),
      epoch: int(8, 0),
      nameIsGiven: flag(9, true),
      accessMode: int(10, 0),
      topicEpoch: int(11),
      initialSubscription: text(13),
    }),
  ),
  send: command(
    6,
    shape({ producerId: int(1, 0), sequenceId: int(2, 0), messageCount: int(3, 1), highestSequenceId: int(6, 0) }),
  ),
  sendReceipt: command(
    7,
    shape({
      producerId: int(1, 0),
      sequenceId: int(2, 0),
      messageId: nested(3, messageIdShape),
      highestSequenceId: int(4, 0),
    }),
  ),
  sendError: command(
    8,
    shape({ producerId: int(1, 0), sequenceId: int(2, 0), error: int(3, 0), message: text(4, '') }),
  ),
  message: command(
    9,
    shape({
      consumerId: int(1, 0),
      messageId: nested(2, messageIdShape),
      redeliveryCount: int(3, 0),
      ackSet: many(long(4)),
      epoch: int(5),
    }),
  ),
  ack: command(
    10,
    shape({
      consumerId: int(1, 0),
      type: int(2, 0),
      messageIds: many(nested(3, messageIdShape)),
      validationError: int(4),
      requestId: int(8),
    }),
  ),
  flow: command(11, shape({ consumerId: int(1, 0), permits: int(2, 0) })),
  unsubscribe: command(12, shape({ consumerId: int(1, 0), requestId: int(2, 0), force: flag(3) })),
  success: command(13, shape({ requestId: int(1, 0) })),
  error: command(14, shape({ requestId: int(1, 0), error: int(2, 0), message: text(3, '') })),
  closeProducer: command(
    15,
    shape({ producerId: int(1, 0), requestId: int(2, 0), assignedUrl: text(3), assignedUrlTls: text(4) }),
  ),
  closeConsumer: command(
    16,
    shape({ consumerId: int(1, 0), requestId: int(2, 0), assignedUrl: text(3), assignedUrlTls: text(4) }),
  ),
  producerSuccess: command(
    17,
    shape({
      requestId: int(1, 0),
      producerName: text(2, ''),
      lastSequenceId: int(3, -1),
      schemaVersion: bytes(4),
      topicEpoch: int(5),
      ready: flag(6, true),
    }),
  ),
  ping: command(18, shape({})),
  pong: command(19, shape({})),
  redeliver: command(20, shape({ consumerId: int(1, 0), messageIds: many(nested(2, messageIdShape)), epoch: int(3) })),
  partitions: command(21, shape({ topic: text(1, ''), requestId: int(2, 0), autoCreate: flag(6) })),
  partitionsAnswer: command(
    22,
    shape({ partitions: int(1, 0), requestId: int(2, 0), response: int(3, 0), error: int(4), message: text(5, '') }),
  ),
  lookup: command(
    23,
    shape({ topic: text(1, ''), requestId: int(2, 0), authoritative: flag(3, false), listenerName: text(7) }),
  ),
  lookupAnswer: command(
    24,
    shape({
      url: text(1),
      urlTls: text(2),
      response: int(3, 2),
      requestId: int(4, 0),
      authoritative: flag(5, false),
      error: int(6),
      message: text(7, ''),
      proxyThroughServiceUrl: flag(8, false),
    }),
  ),
  reachedEndOfTopic: command(27, shape({ consumerId: int(1, 0) })),
  seek: command(
    28,
    shape({ consumerId: int(1, 0), requestId: int(2, 0), messageId: nested(3, messageIdShape), publishTimeMs: int(4) }),
  ),
  lastMessageId: command(29, shape({ consumerId: int(1, 0), requestId: int(2, 0) })),
  lastMessageIdAnswer: command(
    30,
    shape({
      lastMessageId: nested(1, messageIdShape),
      requestId: int(2, 0),
      markDeletePosition: nested(3, messageIdShape),
    }),
  ),
  activeConsumerChange: command(31, shape({ consumerId: int(1, 0), isActive: flag(2, false) })),
  topics: command(
    32,
    shape({ requestId: int(1, 0), namespace: text(2, ''), mode: int(3, 0), pattern: text(4), topicsHash: text(5) }),
  ),
  topicsAnswer: command(
    33,
    shape({
      requestId: int(1, 0),
      topics: many(text(2, '')),
      filtered: flag(3, false),
      topicsHash: text(4),
      changed: flag(5, true),
    }),
  ),
  authChallenge: command(
    36,
    shape({ serverVersion: text(1), challenge: nested(2, authDataShape), protocolVersion: int(3, 0) }),
  ),
  authResponse: command(
    37,
    shape({ clientVersion: text(1), response: nested(2, authDataShape), protocolVersion: int(3, 0) }),
  ),
  ackAnswer: command(38, shape({ consumerId: int(1, 0), error: int(4), message: text(5, ''), requestId: int(6, 0) })),
  topicMigrated: command(68, shape({ resourceId: int(1, 0), resourceType: int(2, 0), url: text(3), urlTls: text(4) })),
} as const

export type CommandName = keyof typeof commands
export type CommandBody<Name extends CommandName> = (typeof commands)[Name] extends {
  readonly body: Shape<infer Values>
}
  ? Values
  : never

/** A command as it was read; `name` tells what `body` is. */
export type Command = { [Name in CommandName]: { readonly name: Name; readonly body: CommandBody<Name> } }[CommandName]

export type MessageIdData = CommandBody<'sendReceipt'>['messageId'] & object

const byNumber: CommandName[] = []
for (const [name, { number }] of Object.entries(commands)) byNumber[number] = name as CommandName

/** The name of a command's number; null for those this client does not speak. */
export const commandOf = (number: number): CommandName | null => byNumber[number] ?? null
