import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { PulsarFault } from './fault.ts'
import { type BrokerAddress, printAddress } from './service-url.ts'

/** How TLS is spoken; texts are PEM. */
export interface TlsSettings {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** Default true. */
  readonly verify?: boolean | undefined
  /** Whether the certificate must name the host; default true. */
  readonly verifyHost?: boolean | undefined
}

/** Opens a socket to a broker. *Errors*: PulsarFault `network` or `timeout`. */
export function openSocket(address: BrokerAddress, tls: TlsSettings, timeoutMs: number): Promise<Socket> {
  const place = printAddress(address)
  return new Promise((settle, fail) => {
    const socket = address.tls ? tlsSocket(address, tls) : connectTcp({ host: address.host, port: address.port })
    const end = (fault: PulsarFault): void => {
      socket.destroy()
      fail(fault)
    }
    const timer = setTimeout(
      () => end(new PulsarFault('timeout', place, `no connection within ${timeoutMs} ms`)),
      timeoutMs,
    )
    const failed = (cause: Error & { errors?: Error[] }): void => {
      clearTimeout(timer)
      // Node sums up several addresses of a name without words of its own.
      end(new PulsarFault('network', place, cause.message || (cause.errors?.[0]?.message ?? String(cause)), { cause }))
    }
    socket.once('error', failed)
    socket.once(address.tls ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer)
      socket.off('error', failed)
      socket.setNoDelay(true)
      settle(socket)
    })
  })
}

function tlsSocket({ host, port }: BrokerAddress, tls: TlsSettings): Socket {
  return connectTls({
    host,
    port,
    // A server name must be a name (RFC 6066 §3): an address is verified without one.
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
    rejectUnauthorized: tls.verify ?? true,
    ...(tls.verifyHost === false ? { checkServerIdentity: () => undefined } : {}),
  })
}
