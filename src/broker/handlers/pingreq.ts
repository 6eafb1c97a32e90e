import type { Connection } from '../connection.ts'

const pingresp = Buffer.from([0xd0, 0])

/** The client is there and asks whether we are. [MQTT-3.12.4-1] */
export function handlePingreq(connection: Connection): void {
  connection.push(pingresp, 0, pingresp.length)
}
