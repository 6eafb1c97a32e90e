import { ProtocolFault } from '../codec/fault.ts'
import { Reason } from '../codec/reason.ts'

/** No connection has agreed on enhanced authentication, so an AUTH is never in place. [MQTT-4.12.0-7] */
export function handleAuth(): never {
  const problem = 'comes without an authentication method in CONNECT'
  throw new ProtocolFault(Reason.ProtocolError, 'auth', 'packet type', 'MQTT-4.12.0-7', problem, 5)
}
