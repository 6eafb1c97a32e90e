import type { Message } from '../../contract/message.ts'
import { Deadline } from '../timing-wheel.ts'
import type { SharedOrigin } from './kept-message.ts'
import type { Peer } from './peer.ts'
import { Session } from './session.ts'
import type { SessionWorld } from './world.ts'

/** What a client leaves behind for the case that it goes without a good-bye. *Unit*: s. */
export interface Testament {
  readonly message: Message
  readonly delaySeconds: number
}

/** What the sessions need done elsewhere. */
export interface SessionDuties {
  /** Takes the session's subscriptions out. */
  unsubscribeAll(session: Session): void
  publishWill(session: Session, message: Message): void
}

const forEver = 0xffff_ffff

const whereSomeoneIs = (share: SharedOrigin): boolean => share.hasOnline
const always = (): boolean => true

/** All sessions by client id: made, found again, taken over, and ended when their time is over. In memory. */
export class Sessions {
  readonly #world: SessionWorld
  readonly #duties: SessionDuties
  readonly #byId = new Map<string, Session>()
  /** Only of sessions whose client is away. */
  readonly #expiries = new Map<Session, Deadline>()
  readonly #wills = new Map<Session, { message: Message; deadline: Deadline }>()

  constructor(world: SessionWorld, duties: SessionDuties) {
    this.#world = world
    this.#duties = duties
  }

  get count(): number {
    return this.#byId.size
  }

  /** Whether another session may be made for this client id. */
  hasRoomFor(clientId: string): boolean {
    return this.#byId.has(clientId) || this.#byId.size < this.#world.limits.maxSessions
  }

  find(clientId: string): Session | null {
    return this.#byId.get(clientId) ?? null
  }

  /**
   * The session of a client that connects. A connection that holds it is ended first; `cleanStart` ends the session
   * too. Answers also whether it was there before. [MQTT-3.1.4-3, MQTT-3.1.2-4, -5, -6]
   */
  open(clientId: string, cleanStart: boolean): { session: Session; isPresent: boolean } {
    const before = this.#byId.get(clientId)
    before?.peer?.takeOver()
    // Taken over, it may have ended with its connection.
    const session = this.#byId.get(clientId)
    if (session !== undefined && !cleanStart) {
      this.#cancel(session)
      return { session, isPresent: true }
    }
    if (session !== undefined) this.end(session)
    const made = new Session(clientId, this.#world)
    this.#byId.set(clientId, made)
    return { session: made, isPresent: false }
  }

  /** The connection of a session is gone. Without `testament` it said good-bye. */
  leave(session: Session, peer: Peer, testament: Testament | null): void {
    if (session.peer !== peer) return
    session.peer = null
    session.receiving.forgetTokens()
    session.releasePublishers()
    const { expirySeconds } = session
    if (testament !== null) this.#bequeath(session, testament)
    if (expirySeconds === 0) {
      this.end(session)
      return
    }
    session.handOver(whereSomeoneIs, false)
    if (expirySeconds !== forEver) {
      const deadline = new Deadline(() => this.end(session))
      this.#expiries.set(session, deadline)
      this.#world.wheel.add(deadline, expirySeconds * 1000)
    }
  }

  /** Ends a session for good; a will that still waits is published now. [MQTT-3.1.3-9] */
  end(session: Session): void {
    if (this.#byId.get(session.clientId) !== session) return
    this.#byId.delete(session.clientId)
    this.#duties.unsubscribeAll(session)
    const will = this.#wills.get(session)
    this.#cancel(session)
    session.handOver(always, false)
    session.end()
    if (will !== undefined) this.#duties.publishWill(session, will.message)
  }

  #bequeath(session: Session, { message, delaySeconds }: Testament): void {
    if (delaySeconds === 0) {
      this.#duties.publishWill(session, message)
      return
    }
    const deadline = new Deadline(() => {
      this.#wills.delete(session)
      this.#duties.publishWill(session, message)
    })
    this.#wills.set(session, { message, deadline })
    this.#world.wheel.add(deadline, delaySeconds * 1000)
  }

  #cancel(session: Session): void {
    const expiry = this.#expiries.get(session)
    if (expiry !== undefined) this.#world.wheel.remove(expiry)
    this.#expiries.delete(session)
    const will = this.#wills.get(session)
    if (will !== undefined) this.#world.wheel.remove(will.deadline)
    this.#wills.delete(session)
  }
}
