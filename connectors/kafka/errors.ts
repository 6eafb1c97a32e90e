import { protocolErrors } from '@platformatic/kafka'
import {
  type Code,
  type ErrorDetail,
  type KnownFaults,
  type Meaning,
  means as meansOf,
  networkFaults,
  type Retry,
  TrestleError,
} from 'trestle/contract'

/** What one of Kafka's error codes means to the hub. */
interface KafkaMeaning extends Meaning {
  /** True: the records of that request are certainly not in the log. */
  readonly notWritten: boolean
}

const means = (code: Code, notWritten: boolean, advice?: string, retry?: Retry): KafkaMeaning => ({
  ...meansOf(code, advice, retry),
  notWritten,
})

const needsWrite = 'allow this user WRITE on the topic (a source: READ)'
const rejoins = 'the group shares its partitions anew; nothing to do'
const elects = 'Kafka is choosing a leader; nothing to do'
const fenced = 'the hub takes a new producer id by itself'

/** Kafka's error codes that can answer what this connector asks. *Source*: Kafka protocol, error codes. */
export const meanings: Readonly<Record<number, KafkaMeaning>> = {
  [-1]: means('E607', false, 'see the log of the broker'), // UNKNOWN_SERVER_ERROR
  1: means('E604', true, 'set on_out_of_range: beginning or end to go on there'), // OFFSET_OUT_OF_RANGE
  2: means('E607', true), // CORRUPT_MESSAGE
  3: means('E604', true, 'create the topic, or set create_topics: true'), // UNKNOWN_TOPIC_OR_PARTITION
  5: means('E607', true, elects), // LEADER_NOT_AVAILABLE
  6: means('E607', false, elects), // NOT_LEADER_OR_FOLLOWER
  7: means('E607', false), // REQUEST_TIMED_OUT
  8: means('E607', false), // BROKER_NOT_AVAILABLE
  9: means('E607', false), // REPLICA_NOT_AVAILABLE
  10: means('E605', true, 'raise max.message.bytes of the topic, or send less at once'), // MESSAGE_TOO_LARGE
  13: means('E601', false), // NETWORK_EXCEPTION
  14: means('E607', true), // COORDINATOR_LOAD_IN_PROGRESS
  15: means('E607', true), // COORDINATOR_NOT_AVAILABLE
  16: means('E607', true), // NOT_COORDINATOR
  17: means('E606', true, 'a topic has 1 to 249 of a-z, A-Z, 0-9, ".", "_" and "-"'), // INVALID_TOPIC_EXCEPTION
  18: means('E605', true, 'raise segment.bytes of the topic'), // RECORD_LIST_TOO_LARGE
  19: means('E607', true, 'bring the missing replicas back'), // NOT_ENOUGH_REPLICAS
  20: means('E607', false, 'bring the missing replicas back'), // NOT_ENOUGH_REPLICAS_AFTER_APPEND
  22: means('E607', true, rejoins), // ILLEGAL_GENERATION
  23: means('E607', true, 'set assignor to what the other members of the group offer'), // INCONSISTENT_GROUP_PROTOCOL
  24: means('E608', true, 'choose another group', 'later'), // INVALID_GROUP_ID
  25: means('E607', true, rejoins), // UNKNOWN_MEMBER_ID
  26: means('E608', true, 'the brokers bound session_timeout_ms (group.min.session.timeout.ms, group.max.…)', 'later'), // INVALID_SESSION_TIMEOUT
  27: means('E607', true, rejoins), // REBALANCE_IN_PROGRESS
  29: means('E603', true, needsWrite), // TOPIC_AUTHORIZATION_FAILED
  30: means('E603', true, 'allow this user READ on the group'), // GROUP_AUTHORIZATION_FAILED
  31: means('E603', true, 'allow this user IDEMPOTENT_WRITE on the cluster, or set mode: at-least-once'), // CLUSTER_AUTHORIZATION_FAILED
  32: means('E606', true, 'the clocks of the hub and of the broker are too far apart', 'later'), // INVALID_TIMESTAMP
  33: means('E602', true, 'choose a sasl.mechanism that the broker has'), // UNSUPPORTED_SASL_MECHANISM
  34: means('E602', true), // ILLEGAL_SASL_STATE
  35: means('E611', true, 'Kafka 2.8 or newer is needed'), // UNSUPPORTED_VERSION
  36: means('E607', true), // TOPIC_ALREADY_EXISTS: another was quicker
  37: means('E604', true, 'create the topic by hand'), // INVALID_PARTITIONS
  38: means('E604', true, 'create the topic by hand'), // INVALID_REPLICATION_FACTOR
  41: means('E607', true, elects), // NOT_CONTROLLER
  42: means('E608', true), // INVALID_REQUEST
  43: means('E611', true, 'raise log.message.format.version'), // UNSUPPORTED_FOR_MESSAGE_FORMAT
  44: means('E603', true, 'a policy of the brokers refuses it'), // POLICY_VIOLATION
  45: means('E607', true, fenced), // OUT_OF_ORDER_SEQUENCE_NUMBER
  47: means('E607', true, fenced), // INVALID_PRODUCER_EPOCH
  48: means('E607', true, fenced), // INVALID_TXN_STATE
  49: means('E607', true, fenced), // INVALID_PRODUCER_ID_MAPPING
  50: means('E608', true, 'lower transaction_timeout_ms', 'later'), // INVALID_TRANSACTION_TIMEOUT
  51: means('E607', true), // CONCURRENT_TRANSACTIONS
  52: means('E607', true, fenced), // TRANSACTION_COORDINATOR_FENCED
  53: means('E603', true, 'allow this user WRITE on the transactional id trestle-…'), // TRANSACTIONAL_ID_AUTHORIZATION_FAILED
  54: means('E602', true), // SECURITY_DISABLED
  55: means('E607', true), // OPERATION_NOT_ATTEMPTED
  56: means('E607', false, 'see the disk of the broker'), // KAFKA_STORAGE_ERROR
  58: means('E602', true, 'check what stands under sasl'), // SASL_AUTHENTICATION_FAILED
  59: means('E607', true, fenced), // UNKNOWN_PRODUCER_ID
  72: means('E607', true, 'the listener is missing on the leader'), // LISTENER_NOT_FOUND
  74: means('E607', true, elects), // FENCED_LEADER_EPOCH
  75: means('E607', true, elects), // UNKNOWN_LEADER_EPOCH
  76: means('E606', true, 'choose another compression', 'later'), // UNSUPPORTED_COMPRESSION_TYPE
  78: means('E607', true, elects), // OFFSET_NOT_AVAILABLE
  81: means('E607', true, 'raise group.max.size of the brokers'), // GROUP_MAX_SIZE_REACHED
  82: means('E607', true, 'give each hub an instance_id of its own'), // FENCED_INSTANCE_ID
  87: means('E606', true), // INVALID_RECORD
  88: means('E607', true), // UNSTABLE_OFFSET_COMMIT
  89: means('E607', true, 'a quota of the brokers is used up'), // THROTTLING_QUOTA_EXCEEDED
  90: means('E607', true, fenced), // PRODUCER_FENCED
  100: means('E604', true), // UNKNOWN_TOPIC_ID
  103: means('E604', true), // INCONSISTENT_TOPIC_ID
}

const names = new Map(Object.values(protocolErrors).map((error) => [error.code, error]))

/** The meaning of any of Kafka's codes; one that is not in the table counts as unforeseen. */
export function meaningOf(kafkaCode: number): KafkaMeaning {
  const known = meanings[kafkaCode]
  if (known !== undefined) return known
  return names.get(kafkaCode)?.canRetry ? means('E607', false) : means('E608', false)
}

/** An error code that came in an answer, as a TrestleError in Kafka's own words. */
export function fromKafkaCode(kafkaCode: number, said: string | null, place: string, cause?: unknown): TrestleError {
  const meaning = meaningOf(kafkaCode)
  const { id, message } = names.get(kafkaCode) ?? { id: `error ${kafkaCode}`, message: 'not a code this hub knows' }
  const detail: ErrorDetail = { place, kafka: id, ...(meaning.advice === undefined ? {} : { advice: meaning.advice }) }
  return new TrestleError(meaning.code, `${place}: ${said ?? message} (${id})`, { retry: meaning.retry, detail, cause })
}

/** Whatever the client library or Node threw, as a TrestleError; `place` says what was being talked to. */
export function fromThrown(thrown: unknown, place: string): TrestleError {
  if (thrown instanceof TrestleError) return thrown
  const chain = [...unfold(thrown)]
  for (const error of chain) {
    if (error instanceof TrestleError) return error
    if (typeof error['apiCode'] === 'number' && error['apiCode'] !== 0) {
      const said = typeof error['serverErrorMessage'] === 'string' ? error['serverErrorMessage'] : null
      return fromKafkaCode(error['apiCode'], said, place, thrown)
    }
  }
  const deepest = chain.at(-1)
  const words = deepest?.message ?? String(thrown)
  const known = chain.map((error) => String(error['code'] ?? '')).findLast((code) => code in thrownCodes)
  const [code, advice] = known === undefined ? certificateFault(words) : thrownCodes[known]!
  const detail: ErrorDetail = { place, ...(advice === undefined ? {} : { advice }) }
  return new TrestleError(code, `${place}: ${words}`, { detail, cause: thrown })
}

/** Codes of the library and of Node; the innermost known one counts. */
const thrownCodes: KnownFaults = {
  ...networkFaults('broker'),
  ENOENT: ['E104', 'check the paths under tls'],
  EACCES: ['E104', 'check the paths under tls'],
  PLT_KFK_AUTHENTICATION: ['E602', 'check what stands under sasl'],
  PLT_KFK_UNSUPPORTED_API: ['E611', 'Kafka 2.8 or newer is needed'],
  PLT_KFK_UNSUPPORTED_COMPRESSION: ['E606', 'choose another compression'],
  PLT_KFK_NETWORK: ['E601'],
  PLT_KFK_TIMEOUT: ['E601'],
}

const certificateFault = (words: string): KnownFaults[string] =>
  /socket|connect|TLS|SSL/.test(words) ? ['E601'] : ['E608']

/** A thrown thing and what caused it, outermost first. */
function* unfold(thrown: unknown, depth = 0): Generator<Error & Record<string, unknown>> {
  if (!(thrown instanceof Error) || depth > 8) return
  yield thrown as Error & Record<string, unknown>
  if (thrown instanceof AggregateError) for (const one of thrown.errors) yield* unfold(one, depth + 1)
  yield* unfold(thrown.cause, depth + 1)
}
