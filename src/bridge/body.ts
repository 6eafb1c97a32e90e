import { MessageChannel, Worker } from 'node:worker_threads'
import type { BoundaryPort, FromHost, ToHost } from './boundary.ts'
import { type HostSeams, runHost } from './host.ts'

/** Where a host runs, seen from main. */
export interface BridgeBody {
  readonly port: BoundaryPort<ToHost, FromHost>
  /** Told once, when it has ended; `why` null when it was asked to. */
  onEnd(listener: (why: string | null) => void): void
  /** Ends it, whatever it is doing. */
  terminate(): Promise<void>
}

/** A connector that leaks ends its own thread, not the hub. Payloads are outside of this. */
const resourceLimits = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 12 }

/** The product's body: a thread of its own. */
export function threadBody(): BridgeBody {
  // Sources run as they are, the published package runs what was built from them: the neighbour has our own ending.
  const entry = new URL(`./host-thread${import.meta.url.slice(-3)}`, import.meta.url)
  const conditions = process.execArgv.filter((flag) => flag.startsWith('--conditions=') || flag.startsWith('-C='))
  const worker = new Worker(entry, { name: 'connectors', execArgv: conditions, resourceLimits })
  let fault: string | null = null
  worker.on('error', (error) => {
    fault = error instanceof Error ? error.message : String(error)
  })
  return {
    port: worker as BoundaryPort<ToHost, FromHost>,
    onEnd: (listener) => worker.once('exit', (code) => listener(fault ?? (code === 0 ? null : `exit code ${code}`))),
    terminate: async () => {
      await worker.terminate()
    },
  }
}

/** A body in the caller's own thread, for tests that look inside. It cannot be killed, only stopped. */
export function inProcessBody(seams: HostSeams = {}): BridgeBody {
  const { port1, port2 } = new MessageChannel()
  runHost(port2 as BoundaryPort<FromHost, ToHost>, seams)
  let onEnd: (why: string | null) => void = () => {}
  return {
    port: port1 as BoundaryPort<ToHost, FromHost>,
    onEnd: (listener) => {
      onEnd = listener
    },
    terminate: async () => {
      port1.close()
      onEnd(null)
    },
  }
}
