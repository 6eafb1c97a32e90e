import type { Events } from '../telemetry/events.ts'
import type { Live } from './live.ts'
import type { HubPort } from './port.ts'

/** What the routes are made with. */
export interface ApiContext {
  readonly hub: HubPort
  readonly events: Events
  readonly live: Live
  readonly token: string | null
  /** The OpenAPI document as JSON text. */
  describe(): Promise<string>
}
