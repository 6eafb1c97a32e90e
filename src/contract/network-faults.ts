import type { Code } from './codes.ts'
import { type ErrorDetail, TrestleError } from './error.ts'

/** What errors mean, by the `code` that Node or a library gives them, and what can be done. */
export type KnownFaults = Readonly<Record<string, readonly [code: Code, advice?: string]>>

/**
 * Node's errors on the way to a far side: name, connection, certificate. Spread them into a connector's own table, and
 * what it knows better behind them.
 *
 * *Shape*: `peer` is what the far side is called: `server`, `broker`. Advice names the options of `tlsFields`.
 */
export const networkFaults = (peer: string) =>
  ({
    ECONNREFUSED: ['E601', `start the ${peer}, or check the port`],
    ECONNRESET: ['E601'],
    EPIPE: ['E601'],
    ETIMEDOUT: ['E601'],
    EHOSTUNREACH: ['E601', 'check the network'],
    ENETUNREACH: ['E601', 'check the network'],
    ENOTFOUND: ['E601', 'check the host name'],
    EAI_AGAIN: ['E601', 'check the name server'],
    DEPTH_ZERO_SELF_SIGNED_CERT: ['E601', 'name the certificate in tls.ca'],
    SELF_SIGNED_CERT_IN_CHAIN: ['E601', 'name the authority in tls.ca'],
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['E601', 'name the authority in tls.ca'],
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ['E601', 'name the authority in tls.ca'],
    CERT_HAS_EXPIRED: ['E601', `renew the certificate of the ${peer}`],
    ERR_TLS_CERT_ALTNAME_INVALID: ['E601', 'use a host name that is in the certificate'],
  }) as const satisfies KnownFaults

/**
 * Whatever was thrown on the way to `place`, by a table: E601 where that does not know it. A TrestleError stays as it is;
 * of several addresses that were tried the first tells.
 */
export function fromNetwork(thrown: unknown, place: string, known: KnownFaults): TrestleError {
  if (thrown instanceof TrestleError) return thrown
  const error = thrown instanceof AggregateError ? (thrown.errors[0] as unknown) : thrown
  const words = error instanceof Error ? error.message : String(error)
  const [code, advice] = known[String((error as { code?: unknown } | null | undefined)?.code ?? '')] ?? ['E601']
  const detail: ErrorDetail = { place, ...(advice === undefined ? {} : { advice }) }
  return new TrestleError(code, `${place}: ${words}`, { detail, cause: thrown })
}
