/** A host and a port to listen on. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** `127.0.0.1:1883` or `[::1]:1883` in its parts; null when the port is none. */
export function readAddress(text: string): Address | null {
  const colon = text.lastIndexOf(':')
  const port = Number(text.slice(colon + 1))
  const host = text.slice(0, colon).replace(/^\[(.*)\]$/, '$1')
  return colon > 0 && Number.isInteger(port) && port <= 65_535 ? { host, port } : null
}

/** Whether only this machine can reach the host. A name other than `localhost` could be anybody. *Source*: RFC 1122 §3.2.1.3, RFC 4291 §2.5.3. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^(::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/i.test(host)
