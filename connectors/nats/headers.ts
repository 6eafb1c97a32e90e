import type { Msg, MsgHdrs } from '@nats-io/transport-node'
import { asciiHeadersOf, type Delivery, type Header, hopsThrough } from 'trestle/contract'

/**
 * The header block of a NATS message, written and read as bytes: the library's own object costs more than all the rest
 * of a message.
 *
 * ```
 * NATS/1.0[ status[ description]] CR LF
 * *( name ":" [SP] value CR LF )
 * CR LF
 * ```
 * Names are printable ASCII without colon, values UTF-8 without CR and LF. *Source*: NATS ADR-4.
 */
const version = 'NATS/1.0\r\n'

/** Values that `asciiHeadersOf` leaves as they are. */
const plain = /^(?! )[ !#-+\--[\]-~]*(?<! )$/

/** Headers of the server that a rule may set; a device may set none, nor a rule those the connector needs itself. */
const ruleMaySet = /^Nats-(?!Msg-Id$|Expected-Last-Msg-Id$|Batch-)[-A-Za-z]+$/
const printable = /^[ -~]+$/

/** What is handed to the library as headers: it asks for nothing but their bytes. */
export class HeaderBlock {
  bytes: Uint8Array = new Uint8Array(0)

  encode(): Uint8Array {
    return this.bytes
  }

  /** As the type that the library wants. */
  get asHeaders(): MsgHdrs {
    return this as unknown as MsgHdrs
  }
}

/**
 * The header block of a delivery, with `extra` lines of the protocol behind.
 *
 * *Shape*: ASCII; every line of `extra` ends with CR LF.
 */
export function headerBlock(delivery: Delivery, hub: string, withMqtt: boolean, extra: string): string {
  return `${version}${linesOf(delivery, hub, withMqtt)}${extra}\r\n`
}

function linesOf(delivery: Delivery, hub: string, withMqtt: boolean): string {
  const { id, message, headers } = delivery
  if (withMqtt && (message.properties !== null || headers.length > 0)) return slowLinesOf(delivery, hub)
  const hops = hopsThrough(message.properties, hub)
  if (!withMqtt) {
    const own =
      headers.length === 0 ? '' : slowLinesOf({ ...delivery, message: { ...message, properties: null } }, hub, true)
    return `trestle-id: ${id}\r\ntrestle-hops: ${hops}\r\n${own}`
  }
  const { topic, client, timeMs, qos, retain } = message
  let lines = `trestle-id: ${id}\r\ntrestle-hops: ${hops}\r\n${line('mqtt-topic', topic)}${line('mqtt-client', client)}`
  lines += `mqtt-time: ${timeMs}\r\n`
  if (qos !== 0) lines += qos === 1 ? 'mqtt-qos: 1\r\n' : 'mqtt-qos: 2\r\n'
  if (retain) lines += 'mqtt-retain: true\r\n'
  return lines
}

const line = (name: string, value: string): string =>
  value !== '' && plain.test(value) ? `${name}: ${value}\r\n` : `${name}*: ${encodeURIComponent(value)}\r\n`

/** `onlyRule`: without what is told of the MQTT message. */
function slowLinesOf(delivery: Delivery, hub: string, onlyRule = false): string {
  let lines = ''
  const others: Header[] = []
  for (const header of delivery.headers) {
    const [name, value] = header
    if (ruleMaySet.test(name) && typeof value === 'string' && printable.test(value)) lines += `${name}: ${value}\r\n`
    else others.push(header)
  }
  for (const [name, value] of asciiHeadersOf(lines === '' ? delivery : { ...delivery, headers: others }, hub)) {
    if (onlyRule && /^(trestle-|mqtt-(?!user))/.test(name)) continue
    // The names of the protocol are the server's, however they are written.
    lines += /^nats-/i.test(name) ? `mqtt-user-${name}: ${value}\r\n` : `${name}: ${value}\r\n`
  }
  return lines
}

interface RawMessage {
  readonly _rdata?: Uint8Array
  readonly _msg?: { readonly hdr?: number }
}

/** The headers of a message, in their order; those of the NATS protocol itself (`Nats-…`) and of the store left out. */
export function readWireHeaders(message: Msg): Header[] {
  const { _rdata: data, _msg: argument } = message as unknown as RawMessage
  const size = argument?.hdr
  if (data === undefined || typeof size !== 'number') return throughLibrary(message)
  return size <= 0 ? [] : parseHeaders(Buffer.from(data.buffer, data.byteOffset, size).toString('utf8'))
}

/** *Shape*: the whole block. */
export function parseHeaders(block: string): Header[] {
  const headers: Header[] = []
  let at = block.indexOf('\r\n') + 2
  while (at > 1) {
    const end = block.indexOf('\r\n', at)
    if (end <= at) break
    const colon = block.indexOf(':', at)
    if (colon > at && colon < end) {
      const name = block.slice(at, colon)
      if (!isProtocol(name)) headers.push([name, block.slice(colon + 1, end).trim()])
    }
    at = end + 2
  }
  return headers
}

const isProtocol = (name: string): boolean => name.startsWith('Nats-') || name === 'KV-Operation'

function throughLibrary(message: Msg): Header[] {
  const headers: Header[] = []
  for (const [name, values] of message.headers ?? []) {
    if (!isProtocol(name)) for (const value of values) headers.push([name, value])
  }
  return headers
}
