import {
  type Code,
  type ErrorDetail,
  type KnownFaults,
  networkFaults,
  type Retry,
  TrestleError,
} from 'trestle/contract'
import type { Connack, Version } from './wire/packets.ts'
import { WireFault } from './wire/reader.ts'

/** Our code, the class where it is not the code's own, and what to do. */
type Meaning = readonly [code: Code, retry?: Retry, advice?: string]

const limits = 'the server has reached a limit of its own; see its log'
const rights = 'give the user of the hub the right to this topic'
const shrink = 'raise the largest packet on the server, or publish less'

/** What a server says when it refuses a message, a subscription, or the whole connection. *Source*: MQTT 5.0 §2.4. */
const reasons: Readonly<Record<number, { name: string; message: Meaning; connection: Meaning }>> = {
  128: row('unspecified error', ['E607'], ['E607', 'reconnect', 'see the log of the server']),
  129: row('malformed packet', ['E608'], ['E608']),
  130: row('protocol error', ['E608'], ['E608']),
  131: row('implementation specific error', ['E607'], ['E607', 'reconnect', 'see the log of the server']),
  132: row('unsupported protocol version', ['E611'], ['E611', 'never', 'set version: 3.1.1']),
  133: row('client identifier not valid', ['E608'], ['E602', 'reconnect', 'choose another client_id_prefix']),
  134: row('bad user name or password', ['E602'], ['E602', 'reconnect', 'check username and password']),
  135: row('not authorized', ['E603', 'later', rights], ['E602', 'reconnect', 'check username, password and rights']),
  136: row('server unavailable', ['E607'], ['E607', 'reconnect']),
  137: row('server busy', ['E607'], ['E607', 'reconnect']),
  138: row('banned', ['E603'], ['E602', 'reconnect', 'the server has banned this client']),
  139: row('server shutting down', ['E607'], ['E607', 'reconnect']),
  140: row('bad authentication method', ['E602'], ['E602']),
  141: row('keep alive timeout', ['E601'], ['E601', 'reconnect', 'the server heard nothing from the hub for too long']),
  142: row('session taken over', ['E601'], ['E601', 'reconnect', 'another client uses the same client id']),
  143: row('topic filter invalid', ['E606', 'never', 'choose another filter'], ['E606', 'reconnect']),
  144: row('topic name invalid', ['E606', 'never', 'choose another topic'], ['E606', 'reconnect']),
  145: row('packet identifier in use', ['E608', 'reconnect'], ['E608']),
  146: row('packet identifier not found', ['E608', 'later'], ['E608']),
  147: row('receive maximum exceeded', ['E608'], ['E608', 'reconnect', 'lower max_in_flight']),
  148: row('topic alias invalid', ['E608'], ['E608']),
  149: row('packet too large', ['E605', 'never', shrink], ['E605', 'reconnect', shrink]),
  150: row('message rate too high', ['E607'], ['E607', 'reconnect', limits]),
  151: row('quota exceeded', ['E607', 'later', limits], ['E607', 'reconnect', limits]),
  152: row('administrative action', ['E607'], ['E607', 'reconnect', 'somebody closed the connection on the server']),
  153: row('payload format invalid', ['E606', 'never', 'the server does not take this payload'], ['E606', 'reconnect']),
  154: row('retain not supported', ['E606', 'never', 'set retain: false'], ['E611', 'reconnect', 'set retain: false']),
  155: row('QoS not supported', ['E606', 'never', 'set a lower qos'], ['E611', 'reconnect', 'set a lower qos']),
  156: row('use another server', ['E607'], ['E607', 'reconnect', 'change `server`']),
  157: row('server moved', ['E607'], ['E607', 'reconnect', 'change `server`']),
  158: row('shared subscriptions not supported', ['E611', 'later', 'remove `share`'], ['E611', 'reconnect']),
  159: row('connection rate exceeded', ['E607'], ['E607', 'reconnect', limits]),
  160: row('maximum connect time', ['E601'], ['E601']),
  161: row('subscription identifiers not supported', ['E611', 'later'], ['E611', 'reconnect']),
  162: row(
    'wildcard subscriptions not supported',
    ['E611', 'later', 'subscribe without wildcards'],
    ['E611', 'reconnect'],
  ),
}

function row(
  name: string,
  message: Meaning,
  connection: Meaning,
): { name: string; message: Meaning; connection: Meaning } {
  return { name, message, connection }
}

/** Return codes of a CONNACK of MQTT 3.1.1 as those of MQTT 5. *Source*: MQTT 3.1.1 §3.2.2.3. */
const returnCodes: Readonly<Record<number, number>> = { 1: 132, 2: 133, 3: 136, 4: 134, 5: 135 }

const nameOf = (code: number): string => reasons[code]?.name ?? `reason 0x${code.toString(16).padStart(2, '0')}`

/** The server's no to CONNECT. */
export function fromConnack(connack: Connack, version: Version, place: string): TrestleError {
  const code = version === 5 ? connack.code : (returnCodes[connack.code] ?? connack.code)
  const moved = connack.serverReference === null ? '' : ` (${connack.serverReference})`
  return refusal(code, `${connack.reason ?? nameOf(code)}${moved}`, reasons[code]?.connection, place, code)
}

/** The server's DISCONNECT. */
export function fromDisconnect(code: number, said: string | null, place: string): TrestleError {
  const words = `the server closed the connection: ${said ?? (code === 0 ? 'it gave no reason' : nameOf(code))}`
  return refusal(code, words, reasons[code]?.connection ?? ['E601'], place, code)
}

/** The server's no to a PUBLISH or a SUBSCRIBE; `place` is the topic or the filter. */
export function fromReason(code: number, said: string | null, place: string): TrestleError {
  return refusal(code, said ?? nameOf(code), reasons[code]?.message, place, code)
}

function refusal(code: number, words: string, meaning: Meaning | undefined, place: string, mqtt: number): TrestleError {
  const [ours, retry, advice] = meaning ?? (['E608'] as const)
  const named = words.includes(nameOf(code)) ? words : `${words} (${nameOf(code)})`
  const detail: ErrorDetail = { place, mqtt, ...(advice === undefined ? {} : { advice }) }
  return new TrestleError(ours, `${place}: ${named}`, retry === undefined ? { detail } : { retry, detail })
}

/** Codes of Node and what to do about them. */
const thrownCodes: KnownFaults = {
  ...networkFaults('server'),
  ERR_TLS_CERT_ALTNAME_INVALID: ['E601', 'use a host name that is in the certificate, or set tls.server_name'],
  ERR_SSL_WRONG_VERSION_NUMBER: ['E601', 'the port does not speak TLS: use mqtt:// or ws://'],
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: ['E602', 'the server wants a certificate: set tls.cert and tls.key'],
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: ['E602', 'the server does not trust the certificate in tls.cert'],
  ENOENT: ['E104', 'check the paths under tls'],
  EACCES: ['E104', 'check the paths under tls'],
}

/** Whatever was thrown on the way to the server, as a TrestleError. */
export function fromThrown(thrown: unknown, place: string): TrestleError {
  if (thrown instanceof TrestleError) return thrown
  if (thrown instanceof WireFault) {
    const advice = 'see whether it is an MQTT server of the version set'
    const words = `${place}: the server broke the rules of MQTT: ${thrown.message}`
    return new TrestleError('E608', words, { detail: { place, advice }, cause: thrown })
  }
  const { code, message, errors } = thrown as NodeJS.ErrnoException & { errors?: readonly Error[] }
  // Of several addresses that were tried the first says enough.
  const words = message === '' || message === undefined ? (errors?.[0]?.message ?? String(thrown)) : message
  const [ours, advice] = thrownCodes[code ?? ''] ?? ['E601']
  const detail: ErrorDetail = { place, ...(advice === undefined ? {} : { advice }) }
  const named = words.includes(place) ? words : `${place}: ${words}`
  return new TrestleError(ours, named, { detail, cause: thrown })
}

/** The connection ended without a word. */
export const cut = (place: string, version: Version): TrestleError => {
  const why = version === 4 ? ' (MQTT 3.1.1 cannot say why: no right, too large a message, or a restart)' : ''
  return new TrestleError('E601', `${place} closed the connection${why}`, { detail: { place } })
}

/** No sign of life, or no confirmation, for too long. */
export const silent = (place: string, what: string, waitedMs: number): TrestleError =>
  new TrestleError('E601', `${place}: ${what} within ${waitedMs} ms`, {
    detail: { place, advice: 'check the network' },
  })
