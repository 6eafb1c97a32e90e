/** What a client says of itself when it connects. */
export interface ConnectInfo {
  readonly clientId: string
  readonly username: string | null
  readonly password: Uint8Array | null
  readonly remoteAddress: string
  /** The listener it came by. */
  readonly listener: string
  /** It has shown a certificate that the listener's authority has signed. */
  readonly isCertified: boolean
  /** `username` is from that certificate, and not what the client says. */
  readonly isNamedByCertificate: boolean
}

/** Who the client is, once that has been decided; later questions hand it back. */
export interface Principal {
  readonly clientId: string
  readonly username: string | null
}

/** The answer to a CONNECT: who it is, or the reason code of the refusal. *Source*: MQTT 5.0 §3.2.2.2. */
export type Admission = { readonly principal: Principal } | { readonly refused: number; readonly why: string }

/**
 * Who may come in, and what each may do. It is asked before anything else sees a message: no rule, subscriber, retained
 * store or will comes first.
 */
export interface Access {
  /** Changes when earlier answers no longer hold. */
  readonly version: number
  authenticate(info: ConnectInfo): Admission | Promise<Admission>
  mayPublish(who: Principal, topic: string): boolean
  maySubscribe(who: Principal, filter: string): boolean
}
