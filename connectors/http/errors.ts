import {
  type ErrorDetail,
  fromNetwork,
  type KnownFaults,
  type Meaning,
  means,
  networkFaults,
  TrestleError,
} from 'trestle/contract'

const meanings: Readonly<Record<number, Meaning>> = {
  401: means('E602', 'check token, username and password'),
  403: means('E603', 'allow the hub to send there'),
  404: means('E604', 'check the URL'),
  407: means('E602', 'a proxy wants credentials'),
  408: means('E607'),
  410: means('E604', 'the receiver is gone for good: change the URL'),
  413: means('E605', 'the receiver takes no body of this size'),
  421: means('E607'),
  423: means('E607'),
  425: means('E607'),
  429: means('E607', 'the receiver wants fewer requests: lower max_requests, or send batches'),
  431: means('E606', 'the receiver takes fewer header bytes: set mqtt_headers: false', 'never'),
}

/** Statuses that blame the body or the headers: in a batch, which of the messages it is must be found out. */
export const blamesContent = (status: number): boolean =>
  status >= 400 && status < 500 && (meanings[status]?.retry ?? 'never') === 'never'

/** A status of the receiver with the first words of its answer, as a TrestleError. */
export function fromStatus(status: number, said: string, place: string, retryAfterMs: number | null): TrestleError {
  const meaning = meaningOf(status)
  const detail: ErrorDetail = { place, status }
  if (meaning.advice !== undefined) detail.advice = meaning.advice
  if (retryAfterMs !== null) detail['retryAfterMs'] = retryAfterMs
  const words = said === '' ? `status ${status}` : `status ${status}: ${said}`
  return new TrestleError(meaning.code, `${place}: ${words}`, { retry: meaning.retry, detail })
}

function meaningOf(status: number): Meaning {
  const known = meanings[status]
  if (known !== undefined) return known
  if (status >= 500) return means('E607', 'see the log of the receiver')
  if (status >= 400) return means('E606', 'the receiver does not take this body', 'never')
  if (status >= 300) return means('E604', 'use the URL it redirects to, or set follow_redirects')
  return means('E608', 'the receiver answers outside of HTTP')
}

/** Whatever Node threw while talking to the receiver, as a TrestleError; `place` says to whom. */
export const fromThrown = (thrown: unknown, place: string): TrestleError => fromNetwork(thrown, place, thrownCodes)

const thrownCodes: KnownFaults = {
  ...networkFaults('receiver'),
  EPROTO: ['E601', 'the receiver does not speak TLS here: use http://'],
  HPE_INVALID_CONSTANT: ['E601', 'the receiver does not speak HTTP here: check the port, or use https://'],
  ERR_INVALID_CHAR: ['E606', 'a header of the rule or of the connector has a character that no header may have'],
  EADDRINUSE: ['E901', 'choose another address, or stop who has it'],
  EADDRNOTAVAIL: ['E901', 'the address is not one of this machine'],
  EACCES: ['E901', 'ports below 1024 and files of others need rights'],
  ENOENT: ['E104', 'check the paths of the certificates'],
}
