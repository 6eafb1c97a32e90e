import type { Message, Owed } from '../../src/contract/message.ts'
import type { JournalRecord } from '../../src/journal/port.ts'
import type { OwedReader } from '../../src/outbox/window.ts'

/** A message for tests; what is not said does not matter. */
export const messageOf = (fields: Partial<Message> = {}): Message => ({
  topic: 'plants/oslo/lines/3',
  payload: Buffer.from('{"celsius":21}'),
  qos: 1,
  retain: false,
  properties: null,
  client: 'device-1',
  username: null,
  source: null,
  timeMs: 1_700_000_000_000,
  ...fields,
})

export const owedOf = (fields: Partial<Owed> = {}): Owed => ({
  sink: 'lake',
  rule: 'telemetry',
  target: 'readings',
  key: null,
  orderKey: 'device-1/plants',
  headers: [],
  payload: Buffer.from('{"celsius":21}'),
  options: null,
  ...fields,
})

/**
 * The journal of one sink, in memory: `append` gives positions and ordinals as the journal does, `reader` reads it as
 * `JournalReader` does. `skip` makes the reader faulty on purpose.
 */
export class FakeJournal {
  readonly records: JournalRecord[] = []
  readonly skip = new Set<number>()
  readonly sink: string
  tail = 0
  ordinals = 0

  constructor(sink = 'lake') {
    this.sink = sink
  }

  /** One record that owes this sink the given deliveries; none makes a record that concerns others only. */
  append(owed: readonly Partial<Owed>[], message: Partial<Message> = {}, awaited = false): number {
    const position = ++this.tail
    const full = messageOf(message)
    const entries = owed.map((one, index) => ({
      ...owedOf({ sink: this.sink, payload: full.payload, ...one }),
      ordinal: ++this.ordinals,
      index,
    }))
    this.records.push({ position, message: full, owed: entries, awaited })
    return position
  }

  reader(after: number): OwedReader & { closed: boolean } {
    const journal = this
    let position = after
    return {
      startOrdinal: this.records
        .filter((record) => record.position <= after)
        .reduce((sum, record) => sum + record.owed.length, 0),
      closed: false,
      get position() {
        return position
      },
      read(maxCount) {
        const found: JournalRecord[] = []
        let count = 0
        while (position < journal.tail && count < maxCount) {
          const record = journal.records[position]!
          position++
          if (record.owed.length === 0 || journal.skip.has(record.position)) continue
          count += record.owed.length
          // As from disk: nobody shares objects with another reading.
          found.push({ ...record, message: { ...record.message }, owed: record.owed.map((one) => ({ ...one })) })
        }
        return found
      },
      close() {
        this.closed = true
      },
    }
  }
}
