import type { Broker } from '../broker/broker.ts'
import { type ListenerSettings, printListener } from '../settings/listeners.ts'
import type { Events } from '../telemetry/events.ts'

/** Opens the doors for devices, in the order of the configuration. *Errors*: E110, E901. */
export async function openListeners(
  broker: Broker,
  listeners: readonly ListenerSettings[],
  events: Pick<Events, 'emit'>,
): Promise<void> {
  for (const listener of listeners) {
    const port = await broker.listen(listener)
    const { type, name = type } = listener
    events.emit('listener.opened', { listener: name, type, address: printListener({ ...listener, port }) })
  }
}
