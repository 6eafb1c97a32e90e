import { createServer, type Server, type Socket } from 'node:net'
import type { BrokerEvents } from '../events.ts'
import type { BrokerLimits } from '../limits.ts'
import type { Accept } from './accept.ts'
import { watchCertificates } from './certificates.ts'
import { Gate, type Visitor } from './gate.ts'
import type { Listener, ListenerOptions } from './listener.ts'
import { openPort } from './open-port.ts'
import { TrustedProxies, takeProxyHeader } from './proxy-protocol.ts'
import { attachPlain } from './tcp.ts'
import { openTls, type TlsDoor } from './tls.ts'
import { attachTls } from './tls-link.ts'
import { WebSocketDoor } from './websocket.ts'

/** What all listeners of a broker share. */
export interface ListenerWorld {
  readonly accept: Accept
  readonly limits: BrokerLimits
  readonly events: BrokerEvents
  readonly now: () => number
  /** false reads plain sockets by their 'data' events. */
  readonly mayShare: boolean
  /** How often the files of certificates are looked at. *Unit*: ms. */
  readonly certificateWatchMs: number
}

/** A certificate that ends sooner is told of whenever it is read. *Unit*: ms. */
const shortLifeMs = 14 * 86_400_000

/**
 * Opens a listener of any type: a socket comes through the gate, then as configured proxy header, TLS and WebSocket,
 * each bounded in time by the gate, and is then a connection. *Errors*: E110, E901.
 */
export async function openListener(options: ListenerOptions, world: ListenerWorld): Promise<Listener> {
  const { limits, events, now } = world
  const gate = new Gate(options, limits, events, now)
  const inner = await stagesOf(options, world)
  const isPlain = options.type === 'tcp' || options.type === 'unix'
  const proxies = options.proxyProtocol === undefined ? null : new TrustedProxies(options)
  // Of plain sockets every write asks for 'drain', however little the kernel left: the outlet waits for it.
  const settings = { noDelay: true, pauseOnConnect: true, ...(isPlain ? { highWaterMark: 1 } : {}) }
  const server = createServer(settings, (socket) => {
    const visitor = gate.enter(socket)
    if (visitor === null) return
    if (proxies?.trusts(visitor.address)) takeProxyHeader(socket, visitor, () => inner.begin(socket, visitor))
    else inner.begin(socket, visitor)
  })
  const port = await openPort(server, options)
  const reload = inner.tls === null ? async () => false : reloading(gate.name, inner.tls, world)
  if (inner.tls !== null) tellOf(inner.tls, gate.name, world)
  const unwatch = inner.tls === null ? nothing : watching(options, reload, world)
  return {
    options,
    port,
    close: () => closing(server, gate, unwatch),
    tick: (nowMs) => gate.tick(nowMs),
    reload,
  }
}

const nothing = (): void => undefined

interface Stages {
  /** What a socket goes through after the proxy header. */
  begin(socket: Socket, visitor: Visitor): void
  readonly tls: TlsDoor | null
}

async function stagesOf(options: ListenerOptions, { accept, mayShare, limits }: ListenerWorld): Promise<Stages> {
  const { type } = options
  if (type === 'websocket' || type === 'wss') {
    const door = new WebSocketDoor(options, accept, limits)
    if (type === 'websocket') return { begin: (socket, visitor) => door.begin(socket, visitor), tls: null }
    const tls = await openTls(options, (socket, visitor) => door.begin(socket, visitor))
    return { begin: (socket) => tls.begin(socket), tls }
  }
  if (type === 'tls') {
    const tls = await openTls(options, (socket, visitor) => {
      visitor.isInHandshake = false
      attachTls(socket, visitor, accept)
    })
    return { begin: (socket) => tls.begin(socket), tls }
  }
  return {
    begin: (socket, visitor) => {
      visitor.isInHandshake = false
      attachPlain(socket, visitor, accept, mayShare)
    },
    tls: null,
  }
}

function closing(server: Server, gate: Gate, unwatch: () => void): Promise<void> {
  unwatch()
  return new Promise((resolve) => {
    server.close(() => resolve())
    gate.dismiss()
  })
}

const reloading = (listener: string, tls: TlsDoor, world: ListenerWorld) => async (): Promise<boolean> => {
  try {
    const isNew = await tls.reload()
    if (isNew) tellOf(tls, listener, world)
    return isNew
  } catch (fault) {
    world.events('error', 'listener.certificates-refused', { listener, error: (fault as Error).message })
    throw fault
  }
}

function watching(options: ListenerOptions, reload: () => Promise<boolean>, world: ListenerWorld): () => void {
  // What came of it is an event already.
  return watchCertificates(options.tls!, world.certificateWatchMs, () => void reload().then(nothing, nothing))
}

function tellOf({ current }: TlsDoor, listener: string, { events, now }: ListenerWorld): void {
  const facts = { listener, until: new Date(current.endsMs).toISOString() }
  events('info', 'listener.certificates-loaded', facts)
  if (current.endsMs - now() < shortLifeMs) events('warn', 'listener.certificate-ends', facts)
}
