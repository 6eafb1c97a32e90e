import {
  type ErrorDetail,
  fromNetwork,
  type KnownFaults,
  type Meaning,
  means,
  networkFaults,
  TrestleError,
} from 'trestle/contract'

/** HTTP statuses that ReductStore answers, for a request or for one record of a batch. */
const meanings: Readonly<Record<number, Meaning>> = {
  400: means('E606', 'the request or one of its records is not as the server wants it'),
  401: means('E602', 'check `token`'),
  403: means('E603', 'give the token read and write permission for the bucket'),
  // A new opening creates the bucket again, where it may.
  404: means('E604', 'create the bucket, or let the hub do it (create_bucket)', 'reconnect'),
  405: means('E611', 'the server is older than 1.18, or a replica that only reads'),
  409: means('E607'),
  413: means('E605', 'the server or a proxy in front of it takes no request of this size: lower batch_bytes'),
  422: means('E606', 'the server cannot read it'),
  423: means('E607'),
  425: means('E607', 'the record is still being written'),
  429: means('E607', 'a rate limit of the server is reached'),
  431: means('E606', 'the labels are too long for the server or a proxy in front of it: lower max_header_bytes'),
  500: means('E607', 'see the log of the server'),
  502: means('E607', 'the server behind the proxy does not answer'),
  503: means('E607', 'the server is starting or overloaded'),
  504: means('E607', 'the server behind the proxy does not answer'),
  507: means('E607', 'the disk of the server is full'),
}

/** Statuses that say: something in this request is wrong. Which of several records it is must be found out. */
export const blamesContent: ReadonlySet<number> = new Set([400, 413, 422, 431])

/** The meaning of a status with the server's words, as a TrestleError. */
export function fromStatus(status: number, said: string | null, place: string): TrestleError {
  const meaning = meaningOf(status, said)
  const detail: ErrorDetail = { place, status, ...(meaning.advice === undefined ? {} : { advice: meaning.advice }) }
  return new TrestleError(meaning.code, `${place}: ${said ?? `status ${status}`}`, { retry: meaning.retry, detail })
}

function meaningOf(status: number, said: string | null): Meaning {
  if (said !== null && /quota/i.test(said)) {
    return means('E607', 'raise the quota of the bucket, or make it `fifo`', 'later')
  }
  if (said !== null && /still being deleted|being deleted/i.test(said)) return means('E607')
  return meanings[status] ?? (status >= 500 ? means('E607') : means('E608'))
}

/** Whatever Node threw while talking to the server, as a TrestleError; `place` says to whom. */
export const fromThrown = (thrown: unknown, place: string): TrestleError => fromNetwork(thrown, place, thrownCodes)

const thrownCodes: KnownFaults = {
  ...networkFaults('server'),
  ENOENT: ['E104', 'check the paths under tls'],
  EACCES: ['E104', 'check the paths under tls'],
  EPROTO: ['E601', 'the server does not speak TLS here: use http://'],
  HPE_INVALID_CONSTANT: ['E601', 'the server does not speak HTTP here: check the port, or use https://'],
  HPE_HEADER_OVERFLOW: ['E608', 'the server sent more header bytes than this hub takes'],
}
