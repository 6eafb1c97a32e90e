import { type PropertiesOf, type PropertyPlace, type PropertyRow, propertyTable } from './property-table.ts'
import type { PacketReader } from './reader.ts'
import { Reason } from './reason.ts'
import type { PacketWriter } from './writer.ts'

/**
 * The properties of a place in a packet, checked and decoded; null when there are none.
 *
 *     property length (variable byte integer) | ( identifier | value )*
 *
 * *Source*: MQTT 5.0 §2.2.2.
 */
export function readProperties<P extends PropertyPlace>(reader: PacketReader, place: P): PropertiesOf<P> | null {
  const length = reader.varint('property length')
  if (length === 0) return null
  const out: Record<string, unknown> = {}
  walk(reader, place, length, out)
  return out as PropertiesOf<P>
}

/** Checks properties as `readProperties` does and makes nothing of them; gives the topic alias, 0 without one. */
export function checkProperties(reader: PacketReader, place: PropertyPlace): number {
  const length = reader.varint('property length')
  return length === 0 ? 0 : walk(reader, place, length, null)
}

/** Writes properties with their length, in the order of the table; null and {} give a length of 0 [MQTT-2.2.2-1]. */
export function writeProperties<P extends PropertyPlace>(
  writer: PacketWriter,
  place: P,
  properties: PropertiesOf<P> | null,
): void {
  if (properties === null) {
    writer.uint8(0)
    return
  }
  const begin = writer.openBlock()
  for (const row of rowsOf[place]) {
    if (row === undefined) continue
    const value = (properties as Record<string, unknown>)[row.name]
    if (value === undefined) continue
    if (row.repeats === true) for (const each of value as readonly unknown[]) writeValue(writer, row, each)
    else writeValue(writer, row, value)
  }
  writer.closeBlock(begin)
}

/** The table by place and identifier. */
const rowsOf: Readonly<Record<PropertyPlace, readonly (PropertyRow | undefined)[]>> = byPlace()

function byPlace(): Record<PropertyPlace, (PropertyRow | undefined)[]> {
  const places = {} as Record<PropertyPlace, (PropertyRow | undefined)[]>
  for (const row of propertyTable as readonly PropertyRow[]) {
    for (const place of row.places) {
      places[place] ??= new Array<PropertyRow | undefined>(0x2b).fill(undefined)
      places[place][row.id] = row
    }
  }
  return places
}

/** One walk for both uses, so that what is checked and what is decoded can never differ. */
function walk(reader: PacketReader, place: PropertyPlace, length: number, out: Record<string, unknown> | null): number {
  const packetEnd = reader.end
  const end = reader.at + length
  if (end > packetEnd) throw reader.tooShort('property length')
  // A property may not reach beyond the property length, even where the packet goes on.
  reader.end = end
  const rows = rowsOf[place]
  let alias = 0
  let seenLow = 0
  let seenHigh = 0
  while (reader.at < end) {
    const id = reader.varint('property identifier')
    const row = rows[id]
    if (row === undefined) throw reader.malformed(`property 0x${id.toString(16)}`, notHere(id, place), '§2.2.2.2')
    const bit = 1 << (id & 31)
    const seen = id < 32 ? seenLow : seenHigh
    if ((seen & bit) !== 0 && row.repeats !== true) throw reader.wrong(row.name, 'is given twice', row.section)
    if (id < 32) seenLow |= bit
    else seenHigh |= bit
    if (row.name === 'subscriptionIds' && !reader.fromServer) {
      throw reader.wrong(row.name, 'stand in what a client published', 'MQTT-3.3.4-6')
    }
    const value = readValue(reader, row, out !== null)
    if (row.id === 0x23) alias = value as number
    if (out !== null) keep(out, row, value)
  }
  reader.end = packetEnd
  return alias
}

function notHere(id: number, place: PropertyPlace): string {
  const known = propertyTable.find((row) => row.id === id)
  return known === undefined ? 'is unknown' : `(${known.name}) may not stand in ${place}`
}

function keep(out: Record<string, unknown>, row: PropertyRow, value: unknown): void {
  if (row.repeats !== true) out[row.name] = value
  else if (out[row.name] === undefined) out[row.name] = [value]
  else (out[row.name] as unknown[]).push(value)
}

/** Reads and checks one value; texts and bytes are made only when they are wanted. */
function readValue(reader: PacketReader, row: PropertyRow, wanted: boolean): unknown {
  switch (row.type) {
    case 'byte':
      return checkRange(reader, row, reader.uint8(row.name))
    case 'flag': {
      const value = reader.uint8(row.name)
      if (value > 1) throw reader.wrong(row.name, `is ${value}, not 0 or 1`, row.section)
      return value === 1
    }
    case 'uint16':
      return checkRange(reader, row, reader.uint16(row.name))
    case 'uint32':
      return checkRange(reader, row, reader.uint32(row.name))
    case 'varint':
      return checkRange(reader, row, reader.varint(row.name))
    case 'binary':
      return wanted ? reader.binary(row.name) : reader.skipBinary(row.name)
    case 'text':
      return readText(reader, row, wanted)
    case 'pair': {
      if (wanted) return [reader.text(row.name), reader.text(row.name)]
      reader.skipText(row.name)
      return reader.skipText(row.name)
    }
  }
}

function checkRange(reader: PacketReader, row: PropertyRow, value: number): number {
  if (value < (row.min ?? 0) || value > (row.max ?? 0xffff_ffff)) {
    const reason = row.reason ?? Reason.ProtocolError
    throw reader.fault(reason, row.name, `is ${value}, which is not allowed`, row.clause ?? row.section)
  }
  return value
}

function readText(reader: PacketReader, row: PropertyRow, wanted: boolean): string | undefined {
  const start = reader.at + 2
  let text: string | undefined
  if (wanted) text = reader.text(row.name)
  else reader.skipText(row.name)
  if (row.id === 0x08) checkResponseTopic(reader, start, reader.at)
  return text
}

/** A response topic is a topic name: not empty, without wildcards. */
function checkResponseTopic(reader: PacketReader, start: number, end: number): void {
  if (start === end) throw reader.wrong('responseTopic', 'is empty', 'MQTT-4.7.3-1')
  for (let i = start; i < end; i++) {
    const byte = reader.buffer[i]
    if (byte === PLUS || byte === HASH) throw reader.wrong('responseTopic', 'has a wildcard', 'MQTT-3.3.2-14')
  }
}

const PLUS = 0x2b
const HASH = 0x23

function writeValue(writer: PacketWriter, row: PropertyRow, value: unknown): void {
  writer.uint8(row.id)
  switch (row.type) {
    case 'byte':
      writer.uint8(value as number)
      break
    case 'flag':
      writer.uint8(value === true ? 1 : 0)
      break
    case 'uint16':
      writer.uint16(value as number)
      break
    case 'uint32':
      writer.uint32(value as number)
      break
    case 'varint':
      writer.varint(value as number)
      break
    case 'binary':
      writer.binary(row.name, value as Uint8Array)
      break
    case 'text':
      writer.text(row.name, value as string)
      break
    case 'pair': {
      const [name, text] = value as readonly [string, string]
      writer.text(row.name, name)
      writer.text(row.name, text)
      break
    }
  }
}
