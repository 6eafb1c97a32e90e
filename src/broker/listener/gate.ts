import type { Socket } from 'node:net'
import type { BrokerEvents } from '../events.ts'
import type { BrokerLimits } from '../limits.ts'
import type { ListenerOptions } from './listener.ts'

/** Clients not let in yet that one listener holds, unless it says otherwise. */
const defaultMaxHandshakes = 10_000
/** How often at most one listener tells of clients it turned away. *Unit*: ms. */
const tellingPauseMs = 1_000

/** One who has come to a listener: a stranger until its CONNECT is accepted, then a client; counted until it is gone. */
export class Visitor {
  readonly gate: Gate
  readonly socket: Socket
  readonly sinceMs: number
  /** The client's own, also behind a proxy; empty on a Unix socket. */
  address: string
  /** What its certificate calls it, where the listener takes names from certificates. */
  certificateName: string | null = null
  /** It has shown a certificate that is good. */
  isCertified = false
  /** Proxy header, TLS or WebSocket are not over yet. */
  isInHandshake = true
  /** Why its handshake came to nothing, for the log. */
  why: string | null = null

  constructor(gate: Gate, socket: Socket, sinceMs: number) {
    this.gate = gate
    this.socket = socket
    this.sinceMs = sinceMs
    this.address = socket.remoteAddress ?? ''
  }

  /** Ends its handshake at once. */
  turnAway(why: string): void {
    this.why ??= why
    this.socket.destroy()
  }

  /** The same for one whose handshake is over on its side: a reset is an error there, an end in good order is none. */
  reset(why: string): void {
    this.why ??= why
    if (this.socket.remoteAddress === undefined) this.socket.destroy()
    else this.socket.resetAndDestroy()
  }
}

/**
 * Counts who is in by one listener and who wants to be. Strangers are bounded: when there are too many the one that has
 * been at it longest gives way, so that those who open connections and say nothing do not keep out those who speak.
 */
export class Gate {
  readonly name: string
  /** *Unit*: ms. */
  readonly connectTimeoutMs: number
  readonly #handshakeTimeoutMs: number
  readonly #maxConnections: number
  readonly #maxStrangers: number
  readonly #events: BrokerEvents
  readonly #now: () => number
  /** In the order in which they came. */
  readonly #strangers = new Set<Visitor>()
  #count = 0
  #turnedAway = 0
  #toldMs = Number.NEGATIVE_INFINITY

  constructor(options: ListenerOptions, limits: BrokerLimits, events: BrokerEvents, now: () => number) {
    this.name = options.name ?? options.type
    this.connectTimeoutMs = options.connectTimeoutMs ?? limits.connectTimeoutMs
    this.#handshakeTimeoutMs = options.handshakeTimeoutMs ?? this.connectTimeoutMs
    this.#maxConnections = options.maxConnections ?? limits.maxConnections
    this.#maxStrangers = options.maxHandshakes ?? defaultMaxHandshakes
    this.#events = events
    this.#now = now
  }

  get count(): number {
    return this.#count
  }

  get strangers(): number {
    return this.#strangers.size
  }

  /** One has come; null when there is no room, and its socket is gone. */
  enter(socket: Socket): Visitor | null {
    // A reset by the client is no event of ours; 'close' follows.
    socket.on('error', ignoreError)
    if (this.#count >= this.#maxConnections) {
      socket.destroy()
      this.#tellTurnedAway('connections', this.#maxConnections)
      return null
    }
    if (this.#strangers.size >= this.#maxStrangers) {
      const [oldest] = this.#strangers
      this.#strangers.delete(oldest!)
      oldest!.turnAway('gave way to a newer one')
      this.#tellTurnedAway('handshakes', this.#maxStrangers)
    }
    const visitor = new Visitor(this, socket, this.#now())
    this.#strangers.add(visitor)
    this.#count++
    ;(socket as VisitorSocket).visitor = visitor
    socket.on('close', onClose as (this: Socket) => void)
    return visitor
  }

  /** Its CONNECT is accepted. */
  letIn(visitor: Visitor): void {
    this.#strangers.delete(visitor)
  }

  left(visitor: Visitor): void {
    this.#count--
    this.#strangers.delete(visitor)
    if (!visitor.isInHandshake || visitor.why === null) return
    this.#events('info', 'client.handshake-failed', {
      address: visitor.address,
      listener: this.name,
      why: visitor.why,
    })
  }

  /** Ends handshakes that take too long. */
  tick(nowMs: number): void {
    for (const visitor of this.#strangers) {
      if (nowMs - visitor.sinceMs < this.#handshakeTimeoutMs) return
      if (visitor.isInHandshake) visitor.turnAway('took too long')
    }
  }

  /** All that are still in their handshake go. */
  dismiss(): void {
    for (const visitor of this.#strangers) if (visitor.isInHandshake) visitor.socket.destroy()
  }

  /** A flood must not become one of the log. */
  #tellTurnedAway(of: string, limit: number): void {
    this.#turnedAway++
    const nowMs = this.#now()
    if (nowMs - this.#toldMs < tellingPauseMs) return
    this.#events('warn', 'client.too-many', { listener: this.name, of, limit, turnedAway: this.#turnedAway })
    this.#turnedAway = 0
    this.#toldMs = nowMs
  }
}

interface VisitorSocket extends Socket {
  visitor?: Visitor
}

/** Who has this socket; null for one that never came through a gate. */
export const visitorOf = (socket: Socket | null | undefined): Visitor | null =>
  (socket as VisitorSocket | null | undefined)?.visitor ?? null

function onClose(this: VisitorSocket): void {
  const { visitor } = this
  if (visitor !== undefined) visitor.gate.left(visitor)
}

function ignoreError(): void {}
