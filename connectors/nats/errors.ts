import { JetStreamApiError } from '@nats-io/jetstream'
import { errors } from '@nats-io/transport-node'
import {
  type Code,
  type ErrorDetail,
  type KnownFaults,
  networkFaults,
  type Retry,
  TrestleError,
} from 'trestle/contract'

/** What one of JetStream's error codes means to the hub. */
interface Meaning {
  readonly code: Code
  readonly retry?: Retry
  readonly advice?: string
}

const makeRoom = 'raise the limits of the stream, or let it discard old messages'
const seeServer = 'see the log and the disk of the server'

/** JetStream's error codes that can answer what this connector asks. *Source*: nats-server, errors.json. */
export const meanings: Readonly<Record<number, Meaning>> = {
  10002: { code: 'E607', advice: 'the account has used up its JetStream resources' },
  10008: { code: 'E607', advice: 'the cluster has no leader now; nothing to do' },
  10009: { code: 'E607' },
  10013: { code: 'E604', advice: 'a consumer of that name is there with other settings: choose another `durable`' },
  10014: { code: 'E604', retry: 'reconnect', advice: 'the consumer was deleted; the hub makes it anew' },
  10023: { code: 'E607', advice: makeRoom },
  10025: { code: 'E608' },
  10026: { code: 'E607', advice: 'the stream or account takes no more consumers' },
  10027: { code: 'E607', advice: 'the account takes no more streams' },
  10028: { code: 'E607', advice: 'the server has no memory left for JetStream' },
  10035: { code: 'E603', advice: 'turn JetStream on for the account' },
  10039: { code: 'E603', advice: 'turn JetStream on for the account' },
  10047: { code: 'E607', advice: 'the disk that JetStream may use is full' },
  10052: { code: 'E104', retry: 'later', advice: 'check `stream`' },
  10053: { code: 'E607', advice: makeRoom },
  10054: { code: 'E605', advice: 'raise max_msg_size of the stream, or send less at once' },
  10058: { code: 'E604', advice: 'a stream of that name is there with other settings' },
  10059: { code: 'E604', advice: 'create the stream, or set `create: true`' },
  10060: { code: 'E604', advice: 'another stream takes this subject' },
  10063: { code: 'E607' },
  10065: { code: 'E604', advice: 'another stream takes these subjects: use it, or choose others' },
  10070: { code: 'E607', advice: 'another writer came between; the hub sends it again' },
  10071: { code: 'E606', advice: 'the rule expects another last sequence' },
  10074: { code: 'E604', advice: 'a single server holds one replica: set `replicas: 1`' },
  10076: { code: 'E603', advice: 'start nats-server with JetStream (`-js`)' },
  10077: { code: 'E607', advice: makeRoom },
  10093: { code: 'E604', advice: 'the stream does not take these subjects' },
  10094: { code: 'E104', retry: 'later', advice: 'check `deliver`, `start_sequence` and `start_time`' },
  10097: { code: 'E605', advice: 'the headers are larger than 64 KiB: send fewer user properties' },
  10100: { code: 'E604', advice: 'a work queue takes one consumer per subject' },
  10101: { code: 'E104', retry: 'later', advice: 'a work queue needs `deliver: all`' },
  10109: { code: 'E603', advice: 'the stream is sealed' },
  10110: { code: 'E607', advice: seeServer },
  10113: { code: 'E104', retry: 'later', advice: 'the account wants `max_bytes` for every stream' },
  10118: { code: 'E607', advice: 'the stream is offline' },
  10119: { code: 'E607', advice: 'the consumer is offline' },
  10158: { code: 'E607' },
  10163: { code: 'E607' },
  10164: { code: 'E606', advice: 'the rule expects another last sequence' },
  10165: { code: 'E606', advice: 'Nats-TTL is no time the server reads' },
  10166: { code: 'E606', advice: 'allow per-message TTL in the stream, or leave Nats-TTL out' },
  10167: { code: 'E607', advice: 'the server has too much to do' },
}

interface ApiError {
  readonly code?: number
  readonly err_code?: number
  readonly description?: string
}

/** An error that came as an answer of JetStream, in the server's own words. */
export function fromApiError(said: ApiError, place: string, cause?: unknown): TrestleError {
  const { code: status = 500, err_code: number = 0, description = 'no words' } = said
  const fallback: Meaning = { code: status === 404 ? 'E604' : status === 400 ? 'E606' : 'E607' }
  const { code, retry, advice } = meanings[number] ?? fallback
  const detail: ErrorDetail = { place, nats: number, ...(advice === undefined ? {} : { advice }) }
  return new TrestleError(code, `${place}: ${description} (${number})`, { ...(retry && { retry }), detail, cause })
}

/** Nobody answered a publish that JetStream should have answered. */
export const noStream = (subject: string): TrestleError =>
  new TrestleError('E604', `no stream takes the subject ${subject}`, {
    detail: {
      place: subject,
      advice: 'create a stream for it (`stream: { name, create: true }`), or use `mode: core`',
    },
  })

/** The server refuses to let this user publish or subscribe. */
export function notAllowed(operation: string, subject: string, words: string): TrestleError {
  const verb = operation === 'publish' ? 'publish to' : 'subscribe to'
  const detail = { place: subject, advice: `allow this user to ${verb} ${subject}` }
  return new TrestleError('E603', words, { detail })
}

/** Whatever the client library or Node threw, as a TrestleError; `place` says what was being talked to. */
export function fromThrown(thrown: unknown, place: string): TrestleError {
  if (thrown instanceof TrestleError) return thrown
  const chain = [...unfold(thrown)]
  for (const error of chain) {
    if (error instanceof JetStreamApiError) return fromApiError(error.apiError(), place, thrown)
    if (error instanceof errors.PermissionViolationError) {
      return notAllowed(error.operation, error.subject, `${place}: ${error.message}`)
    }
  }
  const words = chain.find(({ message }) => message !== '')?.message ?? String(thrown)
  const [code, advice] = meaningOf(chain, words)
  const detail: ErrorDetail = { place, ...(advice === undefined ? {} : { advice }) }
  return new TrestleError(code, `${place}: ${words}`, { detail, cause: thrown })
}

/** The connection ended; why, as far as it is known. */
export function lostBecause(reason: unknown, place: string): TrestleError {
  if (reason instanceof Error) return fromThrown(reason, place)
  return new TrestleError('E601', `${place}: the connection was closed`, { detail: { place } })
}

type Known = KnownFaults[string]

/** Errors by the name of their class in the library. */
const byName: KnownFaults = {
  AuthorizationError: ['E602', 'check `auth`'],
  UserAuthenticationExpiredError: ['E602', 'renew the credentials'],
  TimeoutError: ['E601', 'check the address, and that the server is not overloaded'],
  NoResponders: ['E604', 'turn JetStream on at the server and for the account'],
  JetStreamNotEnabled: ['E603', 'turn JetStream on at the server and for the account'],
  ClosedConnectionError: ['E601'],
  DrainingConnectionError: ['E601'],
  InvalidSubjectError: ['E606'],
}

/** Errors by Node's code. */
const byCode: KnownFaults = {
  ...networkFaults('server'),
  ENOENT: ['E104', 'check the paths under tls and auth'],
  EACCES: ['E104', 'check the paths under tls and auth'],
}

/** Errors by what they say, where nothing else tells them apart. */
const byWords: readonly (readonly [words: RegExp, ...known: Known])[] = [
  [/connection refused/i, 'E601', 'start the server, or check the port'],
  [/does not support 'tls'/i, 'E601', 'turn TLS on at the server, or leave `tls` out here'],
  [/certificate|TLS|SSL|alert/i, 'E601', 'check `tls` here and the certificates of both sides'],
  [/unable to parse credentials|nkey|seed|base32|checksum|prefix/i, 'E602', 'check the credentials under `auth`'],
  [/maximum payload|max_payload/i, 'E605', 'raise max_payload of the server, or send less at once'],
  [/maximum connections|maximum account/i, 'E607', 'the server takes no more connections'],
  [/stale connection|socket|ECONN|EPIPE|heartbeat/i, 'E601'],
]

function meaningOf(chain: readonly (Error & Record<string, unknown>)[], words: string): Known {
  for (const error of chain) {
    const known = byName[error.name] ?? byCode[String(error['code'] ?? '')]
    if (known !== undefined) return known
  }
  for (const [pattern, ...known] of byWords) if (pattern.test(words)) return known
  return ['E608']
}

/** A thrown thing and what caused it, outermost first. */
function* unfold(thrown: unknown, depth = 0): Generator<Error & Record<string, unknown>> {
  if (!(thrown instanceof Error) || depth > 8) return
  yield thrown as Error & Record<string, unknown>
  if (thrown instanceof AggregateError) for (const one of thrown.errors) yield* unfold(one, depth + 1)
  yield* unfold(thrown.cause, depth + 1)
}
