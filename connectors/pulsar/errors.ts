import {
  type Code,
  codes,
  type ErrorDetail,
  fromNetwork,
  type KnownFaults,
  networkFaults,
  type Retry,
  TrestleError,
} from 'trestle/contract'
import { PulsarFault, type ServerError } from './protocol/fault.ts'

/** What one of Pulsar's error codes means to the hub. */
interface Meaning {
  readonly code: Code
  readonly retry: Retry
  readonly advice: string | null
}

const means = (code: Code, advice: string | null = null, retry: Retry = codes[code].retry): Meaning => ({
  code,
  retry,
  advice,
})

const moves = 'Pulsar is moving or starting; nothing to do'
const quota = 'let readers catch up, or raise the backlog quota of the namespace'

/** Every error a broker may answer with. *Source*: enum ServerError of the protocol. */
export const meanings: Readonly<Record<ServerError, Meaning>> = {
  UnknownError: means('E607', 'see the log of the broker', 'reconnect'),
  MetadataError: means('E607', 'see the log of the broker'),
  PersistenceError: means('E607', 'see the bookies behind the broker'),
  AuthenticationError: means('E602', 'check what stands under auth'),
  AuthorizationError: means('E603', 'grant this role produce or consume on the namespace or topic'),
  ConsumerBusy: means('E607', 'another consumer has the subscription; end it, or choose another subscription_type'),
  ServiceNotReady: means('E607', moves, 'reconnect'),
  ProducerBlockedQuotaExceededError: means('E607', quota),
  ProducerBlockedQuotaExceededException: means('E607', quota),
  ChecksumError: means('E607', 'bytes were damaged on the way', 'reconnect'),
  UnsupportedVersionError: means('E611', 'Pulsar 2.8 or newer is needed'),
  TopicNotFound: means('E604', 'create the topic, or let the brokers create topics'),
  SubscriptionNotFound: means('E604', 'create the subscription'),
  ConsumerNotFound: means('E607', moves, 'reconnect'),
  TooManyRequests: means('E607', 'the broker limits how much is asked at a time'),
  TopicTerminatedError: means('E604', 'the topic was terminated: name another, or delete it and create it anew'),
  ProducerBusy: means('E607', 'a producer of that name is still there; the broker lets it go when its connection ends'),
  InvalidTopicName: means(
    'E606',
    'a topic is `topic`, `tenant/namespace/topic` or `persistent://tenant/namespace/topic`',
  ),
  IncompatibleSchema: means(
    'E606',
    'the topic demands a schema: give schema_version, or relax it on the namespace',
    'later',
  ),
  ConsumerAssignError: means('E607'),
  TransactionCoordinatorNotFound: means('E608'),
  InvalidTxnStatus: means('E608'),
  NotAllowedError: means('E606', 'a policy of the broker or topic refuses it'),
  TransactionConflict: means('E608'),
  TransactionNotFound: means('E608'),
  ProducerFenced: means('E607', 'another producer has taken the topic for itself alone (access_mode)', 'reconnect'),
}

/** Whatever the protocol room or Node threw, as a TrestleError in Pulsar's own words; `place` says what it was about. */
export function fromThrown(thrown: unknown, place: string): TrestleError {
  if (thrown instanceof TrestleError) return thrown
  if (thrown instanceof PulsarFault) return fromFault(thrown, place)
  if (String((thrown as { code?: unknown } | null)?.code) in networkCodes)
    return fromNetwork(thrown, place, networkCodes)
  return new TrestleError('E608', `${place}: ${thrown instanceof Error ? thrown.message : String(thrown)}`, {
    detail: { place },
    cause: thrown,
  })
}

/** *Shape*: `place` is a topic, a subscription or a server; the broker that said it stands in the detail. */
export function fromFault(fault: PulsarFault, place: string): TrestleError {
  const detail: ErrorDetail = { place }
  if (fault.place !== '' && fault.place !== place) detail['broker'] = fault.place
  const said = `${place}: ${fault.message}`
  if (fault.kind === 'server' && fault.server !== null) return fromServer(fault.server, fault, said, detail)
  const [code, advice, retry] = kinds[fault.kind](fault)
  if (advice !== undefined) detail.advice = advice
  return new TrestleError(code, said, { retry: retry ?? codes[code].retry, detail, cause: fault })
}

function fromServer(server: ServerError, fault: PulsarFault, said: string, detail: ErrorDetail): TrestleError {
  const meaning = meanings[server]
  // The broker has one code for all that it does not allow; only its words say which.
  const isSize = server === 'NotAllowedError' && /message size|too large/i.test(fault.message)
  const advice = isSize ? 'raise maxMessageSize of the brokers or of the topic, or send less at once' : meaning.advice
  detail['pulsar'] = server
  if (advice !== null) detail.advice = advice
  const retry = isSize ? 'never' : meaning.retry
  return new TrestleError(isSize ? 'E605' : meaning.code, `${said} (${server})`, { retry, detail, cause: fault })
}

/** The same fault of one topic, for which the connection need not be opened anew, and which someone may still mend. */
export function asLater(error: TrestleError): TrestleError {
  const isMendable =
    error.retry === 'reconnect' || (error.code === 'E606' && error.detail['pulsar'] === 'NotAllowedError')
  if (!isMendable) return error
  return new TrestleError(error.code, error.message, { retry: 'later', detail: error.detail, cause: error.cause })
}

type Verdict = readonly [code: Code, advice?: string, retry?: Retry]

const kinds: Readonly<Record<PulsarFault['kind'], (fault: PulsarFault) => Verdict>> = {
  server: () => ['E608'],
  network: ({ cause, message }) => network(cause, message),
  timeout: () => ['E601', 'see whether the broker is overloaded, or something in between drops packets'],
  closed: () => ['E607', moves, 'reconnect'],
  protocol: () => ['E608', 'check that this is the port of the binary protocol, and whether it wants TLS'],
  auth: () => ['E602', 'check what stands under auth'],
  usage: () => ['E606'],
}

const networkCodes: KnownFaults = {
  ...networkFaults('broker'),
  ERR_TLS_CERT_ALTNAME_INVALID: ['E601', 'use a host name that is in the certificate, or set tls.verify_host: false'],
  ERR_SSL_WRONG_VERSION_NUMBER: ['E601', 'this port does not speak TLS: use pulsar:// or another port'],
}

function network(cause: unknown, message: string): Verdict {
  const code = (cause as { code?: unknown } | undefined)?.code
  const known = typeof code === 'string' ? networkCodes[code] : undefined
  if (known !== undefined) return known
  return /alert/.test(message) ? ['E602', 'the broker wants a client certificate: see tls.cert and tls.key'] : ['E601']
}
