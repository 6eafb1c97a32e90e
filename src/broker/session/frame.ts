/** A PUBLISH packet in bytes, to be written to one or many receivers. */
export interface Frame {
  bytes: Buffer
  start: number
  end: number
  /** Where its packet id stands, from `start`; unused for QoS 0. */
  idAt: number
}

/** The frame of an encoded PUBLISH. *Shape*: fixed header, topic length, topic, packet id. *Source*: MQTT 5.0 §3.3. */
export function frameOf(bytes: Buffer): Frame {
  let header = 1
  while (bytes[header]! >= 0x80) header++
  header++
  return { bytes, start: 0, end: bytes.length, idAt: header + 2 + ((bytes[header]! << 8) | bytes[header + 1]!) }
}
