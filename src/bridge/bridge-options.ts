import type { Events } from '../telemetry/events.ts'
import type { Facts, Level } from '../telemetry/log.ts'
import type { BridgeBody } from './body.ts'
import type { BridgeFolders, BridgeTiming, ConnectorSettings } from './boundary.ts'

/** What main makes its end of the bridge with. */
export interface BridgeOptions {
  hub: string
  folders: BridgeFolders
  /** Above this the dead letters take nothing more; without it they take all. */
  maxDeadLetterBytes?: number
  tail: SharedArrayBuffer
  /** The journal's `sinks`: whose totals stand in its tail. Without them each append wakes every sink. */
  tailSinks?: readonly string[]
  /** Where the thread says how much it has settled; its own without it. */
  settled?: SharedArrayBuffer
  /** URL of the module that lists the connectors. */
  modules: string
  connectors: readonly ConnectorSettings[]
  events: Pick<Events, 'emit'>
  log: { note(level: Level, event: string, facts?: Facts): void }
  timing?: Partial<BridgeTiming>
  /** Where the host runs; a thread unless a test says otherwise. */
  makeBody?: () => BridgeBody
  /** How long `status` and the other short questions wait. */
  answerTimeoutMs?: number
  /** A thread that has not answered for so long is ended and started again. */
  maxSilenceMs?: number
}
