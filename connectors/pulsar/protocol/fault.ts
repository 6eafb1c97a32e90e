/** The codes a broker may answer with, by their number. *Source*: enum ServerError of the protocol. */
export const serverErrors = [
  'UnknownError',
  'MetadataError',
  'PersistenceError',
  'AuthenticationError',
  'AuthorizationError',
  'ConsumerBusy',
  'ServiceNotReady',
  'ProducerBlockedQuotaExceededError',
  'ProducerBlockedQuotaExceededException',
  'ChecksumError',
  'UnsupportedVersionError',
  'TopicNotFound',
  'SubscriptionNotFound',
  'ConsumerNotFound',
  'TooManyRequests',
  'TopicTerminatedError',
  'ProducerBusy',
  'InvalidTopicName',
  'IncompatibleSchema',
  'ConsumerAssignError',
  'TransactionCoordinatorNotFound',
  'InvalidTxnStatus',
  'NotAllowedError',
  'TransactionConflict',
  'TransactionNotFound',
  'ProducerFenced',
] as const

export type ServerError = (typeof serverErrors)[number]

/**
 * What went wrong between the client and a broker.
 *
 * - `server`: the broker answered with an error; `server` names it, the message has its words.
 * - `network`: the connection could not be made or broke; `cause` is Node's error.
 * - `timeout`: no answer in time.  - `closed`: this side closed it, or the broker closed the producer or consumer.
 * - `protocol`: the peer sent what the protocol does not allow.  - `auth`: no credentials could be had.
 * - `usage`: what was asked for cannot be said in the protocol.
 */
export type FaultKind = 'server' | 'network' | 'timeout' | 'closed' | 'protocol' | 'auth' | 'usage'

/** The one error of the protocol room. `place` says what was being talked to. */
export class PulsarFault extends Error {
  readonly kind: FaultKind
  readonly place: string
  readonly server: ServerError | null

  constructor(
    kind: FaultKind,
    place: string,
    message: string,
    options: { server?: ServerError; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'PulsarFault'
    this.kind = kind
    this.place = place
    this.server = options.server ?? null
  }

  /** An error code that a broker sent. */
  static fromServer(code: number, words: string, place: string): PulsarFault {
    return new PulsarFault('server', place, words, { server: serverErrors[code] ?? 'UnknownError' })
  }
}
