import type { TrestleError } from '../../contract/error.ts'
import type { OrphanPort } from './ack-order.ts'
import type { Session } from './session.ts'

/** Where the fate of QoS 2 messages is told once their connection is gone: it knows the session alone. */
export class Orphans implements OrphanPort {
  readonly #session: Session
  readonly #version: 3 | 4 | 5

  /** `version` is that of the connection that is gone: a 3.x client does not hear what can be tried again. */
  constructor(session: Session, version: 3 | 4 | 5) {
    this.#session = session
    this.#version = version
  }

  decide(packetId: number, error: TrestleError | null): void {
    this.#session.decideOrphan(packetId, error, this.#version === 5 || error?.retry !== 'never')
  }
}
