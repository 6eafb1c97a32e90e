import type { Socket } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { certificateName } from './certificate-name.ts'
import { type CertificateSet, contextFor, readCertificates } from './certificates.ts'
import { type Visitor, visitorOf } from './gate.ts'
import type { ListenerOptions } from './listener.ts'

/** TLS for the visitors of one listener. */
export interface TlsDoor {
  /** Begins the handshake on a socket; `onReady` hears when it is over and the certificate, if one is wanted, is good. */
  begin(socket: Socket): void
  reload(): Promise<boolean>
  readonly current: CertificateSet
}

/** Makes the TLS side of a listener. *Errors*: E110. */
export async function openTls(
  options: ListenerOptions,
  onReady: (socket: TLSSocket, visitor: Visitor) => void,
): Promise<TlsDoor> {
  const { tls, type } = options
  const name = options.name ?? type
  if (tls === undefined) throw new Error(`listener ${name} has no tls`)
  const wish = tls.clientCert ?? 'none'
  let current = await readCertificates(tls, name)
  // It has no port of its own: sockets are handed to it. Certificates are judged below, where it can be told what is wrong.
  const server = createServer({
    ...current.options,
    requestCert: wish !== 'none',
    rejectUnauthorized: false,
    SNICallback: (asked, answer) => answer(null, contextFor(current, asked)),
  })
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    visitorUnder(socket)?.turnAway(`TLS: ${error.code ?? error.message}`)
  })
  server.on('secureConnection', (socket) => {
    const visitor = visitorUnder(socket)
    // Who it is must be known: without that, nobody comes in.
    if (visitor === null) return void socket.destroy()
    const problem = judge(socket, visitor, wish, options)
    if (problem === null) onReady(socket, visitor)
    else visitor.reset(problem)
  })
  return {
    begin: (socket) => void server.emit('connection', socket),
    get current() {
      return current
    },
    reload: async () => {
      const next = await readCertificates(tls, name)
      if (next.text === current.text) return false
      current = next
      server.setSecureContext(next.options)
      return true
    },
  }
}

/** The visitor of the socket below. Node has no public name for that socket; were there none, nobody would be let in. */
const visitorUnder = (socket: TLSSocket): Visitor | null =>
  visitorOf((socket as unknown as { _parent?: Socket })._parent)

/** What is wrong with the certificate, for the log; null when nothing is. */
function judge(
  socket: TLSSocket,
  visitor: Visitor,
  wish: 'none' | 'request' | 'require',
  { usernameFrom }: ListenerOptions,
): string | null {
  if (wish === 'none') return null
  const certificate = socket.getPeerCertificate()
  if (certificate?.fingerprint256 === undefined) return wish === 'require' ? 'it shows no certificate' : null
  if (!socket.authorized) return `its certificate is not good: ${String(socket.authorizationError)}`
  visitor.isCertified = true
  if (usernameFrom === undefined) return null
  visitor.certificateName = certificateName(certificate, usernameFrom)
  return visitor.certificateName === null ? `its certificate has no ${usernameFrom} that can be a username` : null
}
