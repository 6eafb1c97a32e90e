import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { crc32c } from '@platformatic/kafka'
import fc from 'fast-check'
import type { Header } from 'trestle/contract'
import type { AbortedTransaction } from '../../../../connectors/kafka/consumer/fetch.ts'
import { type RawBatch, recordsOf, scanBatches } from '../../../../connectors/kafka/consumer/record-batches.ts'
import { RecordCursor } from '../../../../connectors/kafka/consumer/record-cursor.ts'

/** Three records as the log of a broker holds them, written by Kafka's own Java client 4.1.1. */
const fromJava = {
  none: 'AAAAAAAAAAAAAAEFAAAAAAL82DSXAAAAAAACAAABofniiAQAAAGh+eKJOAAAAAAAAAAAAAAAAAAAAAAAA4gBAAAACmtleS0wUFM1Ols4PFg5Ty5bSDJZLUhcLExVUFgmKUVRTDU9JUtINTleV0goU1UCEGhlYWRlci0wDnZhbHVlLTCKAQDoBAIKa2V5LTFQUzU6Wzg8WDlPLltIMlktSFwsTFVQWCYpRVFMNT0lS0g1OV5XSChTVQIQaGVhZGVyLTAOdmFsdWUtMIoBAOgEBAprZXktMlBTNTpbODxYOU8uW0gyWS1IXCxMVVBYJilFUUw1PSVLSDU5XldIKFNVAhBoZWFkZXItMA52YWx1ZS0w',
  gzip: 'AAAAAAAAAAAAAACfAAAAAALEFgt9AAEAAAACAAABofniorIAAAGh+eKi+wAAAAAAAAABAAAAAAAAAAAAAx+LCAAAAAAAAP/rYGRgYODKTq3UNQgINrWKtrCJsPTXi/YwitT1iNHxCQ2IUNN0DfQxtVX19jC1jAv30AgOZRLISE1MSS3SNeArS8wpTdU16GJkmMDIBDbGkDJjJjGygI0xosAYAMGqNh7UAAAA',
  snappy:
    'AAAAAAAAAAAAAACoAAAAAAL+mvxiAAIAAAACAAABofniuR4AAAGh+eK6jAAAAAAAAAACAAAAAAAAAAAAA4JTTkFQUFkAAAAAAQAAAAEAAABj1AHwTIgBAAAACmtleS0wUFM1Ols4PFg5Ty5bSDJZLUhcLExVUFgmKUVRTDU9JUtINTleV0goU1UCEGhlYWRlci0wDnZhbHVlLTCKAQC2BAIKAUcAMfZHAAjcBQQFjgAy6kcA',
  lz4: 'AAAAAAAAAAAAAACmAAAAAAJRtgxkAAMAAAACAAABofniyckAAAGh+eLLEAAAAAAAAAADAAAAAAAAAAAAAwQiTRhgQIJmAAAA8T2IAQAAAAprZXktMFBTNTpbODxYOU8uW0gyWS1IXCxMVVBYJilFUUw1PSVLSDU5XldIKFNVAhBoZWFkZXItMA52YWx1ZS0wigEAjAUCRwAfMUcAKzGOBQRHAB8yRwAjUGx1ZS0wAAAAAA==',
  zstd: 'AAAAAAAAAAAAAACcAAAAAAJOpp0iAAQAAAACAAABofni1zgAAAGh+eLYOgAAAAAAAAAEAAAAAAAAAAAAAyi1L/0AWPwCABQFiAEAAAAKa2V5LTBQUzU6Wzg8WDlPLltIMlktSFwsTFVQWCYpRVFMNT0lS0g1OV5XSChTVQIQaGVhZGVyLTAOdmFsdWUtMIoBAPIDAjGEBAQyBAAAIkA7AzlGacMZAQAA',
}
const value = 'S5:[8<X9O.[H2Y-H\\,LUPX&)EQL5=%KH59^WH(SU'

interface Read {
  offset: number
  timeMs: number | null
  key: string | null
  value: string
  headers: Header[]
}

async function read(batch: RawBatch, cursor = new RecordCursor()): Promise<Read[]> {
  cursor.open('topic', batch, await recordsOf(batch))
  const records: Read[] = []
  while (cursor.next()) {
    const { offset, timeMs, key, headers, payload } = cursor
    records.push({
      offset,
      timeMs,
      key,
      value: Buffer.from(payload).toString(),
      headers: headers.map((one) => [...one]),
    })
  }
  return records
}

interface Given {
  key?: Buffer | null
  value?: Buffer | null
  headers?: readonly (readonly [Buffer, Buffer | null])[]
  deltaMs?: number
  delta?: number
}

const varint = (value: number): Buffer => {
  const bytes: number[] = []
  let rest = value >= 0 ? BigInt(value) * 2n : BigInt(value) * -2n - 1n
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(rest)])
}
const blob = (bytes: Buffer | null): Buffer =>
  bytes === null ? varint(-1) : Buffer.concat([varint(bytes.length), bytes])

/** Writes a batch as the protocol draws it, straightforwardly. */
function batchOf(
  records: readonly Given[],
  { baseOffset = 0, attributes = 0, firstMs = 1000, producerId = -1, lastDelta = records.length - 1 } = {},
): Buffer {
  const bodies = records.map(({ key = null, value = null, headers = [], deltaMs = 0, delta }, at) => {
    const head = Buffer.concat([Buffer.from([0]), varint(deltaMs), varint(delta ?? at), blob(key), blob(value)])
    const pairs = headers.flatMap(([name, given]) => [blob(name), blob(given)])
    return blob(Buffer.concat([head, varint(headers.length), ...pairs]))
  })
  const batch = Buffer.concat([Buffer.alloc(61), ...bodies])
  batch.writeBigInt64BE(BigInt(baseOffset), 0)
  batch.writeInt32BE(batch.length - 12, 8)
  batch[16] = 2
  batch.writeInt16BE(attributes, 21)
  batch.writeInt32BE(lastDelta, 23)
  batch.writeBigInt64BE(BigInt(firstMs), 27)
  batch.writeBigInt64BE(9000n, 35)
  batch.writeBigInt64BE(BigInt(producerId), 43)
  batch.writeInt32BE(records.length, 57)
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17)
  return batch
}

const control = (type: 0 | 1, baseOffset: number, producerId: number): Buffer =>
  batchOf([{ key: Buffer.from([0, 0, 0, type]), value: Buffer.alloc(6) }], { baseOffset, attributes: 0x30, producerId })

describe('a record batch', () => {
  for (const [codec, base64] of Object.entries(fromJava)) {
    test(`written by Kafka's own client is read (${codec})`, async () => {
      const { batches, nextOffset, fault } = scanBatches(Buffer.from(base64, 'base64'), 0, [])
      assert.equal(fault, null)
      assert.equal(nextOffset, 3)
      const records = await read(batches[0]!)
      assert.deepEqual(
        records.map(({ timeMs: _, ...record }) => record),
        [0, 1, 2].map((n) => ({ offset: n, key: `key-${n}`, value, headers: [['header-0', 'value-0']] })),
      )
      assert.ok(records.every(({ timeMs }) => timeMs! > 1_795_000_000_000))
    })
  }

  test('comes out as it went in, whatever is in it', async () => {
    const bytes = fc.uint8Array({ maxLength: 200 }).map((one) => Buffer.from(one))
    const record = fc.record({
      key: fc.option(bytes),
      value: fc.option(bytes),
      headers: fc.array(fc.tuple(bytes, fc.option(bytes)), { maxLength: 3 }),
      deltaMs: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
    })
    const cursor = new RecordCursor()
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 1, maxLength: 5 }),
        fc.nat(2 ** 45),
        async (records, baseOffset) => {
          const { batches } = scanBatches(batchOf(records, { baseOffset, firstMs: 2 ** 41 }), baseOffset, [])
          cursor.open('topic', batches[0]!, await recordsOf(batches[0]!))
          for (const [at, { key, value, headers, deltaMs }] of records.entries()) {
            assert.ok(cursor.next())
            assert.equal(cursor.offset, baseOffset + at)
            assert.equal(cursor.timeMs, 2 ** 41 + deltaMs)
            assert.equal(cursor.key, key === null ? null : textOrBase64(key))
            assert.deepEqual(Buffer.from(cursor.payload), value ?? Buffer.alloc(0))
            assert.deepEqual(
              cursor.headers.map(([name, given]) => [name, typeof given === 'string' ? given : Buffer.from(given)]),
              headers.map(([name, given]) => [name.toString(), textOrBuffer(given ?? Buffer.alloc(0))]),
            )
          }
          assert.equal(cursor.next(), false)
        },
      ),
    )
  })

  test("with the broker's time has that time for all; without any it has none", async () => {
    const [logged] = scanBatches(batchOf([{ deltaMs: 5 }], { attributes: 8 }), 0, []).batches
    assert.equal((await read(logged!))[0]!.timeMs, 9000)
    const [none] = scanBatches(batchOf([{}], { firstMs: -1 }), 0, []).batches
    assert.equal((await read(none!))[0]!.timeMs, null)
  })

  test('of which compaction has taken records keeps the offsets of the others', async () => {
    const compacted = batchOf([{ delta: 2 }, { delta: 7 }], { baseOffset: 100, lastDelta: 9 })
    const empty = batchOf([], { baseOffset: 110, lastDelta: 4 })
    const { batches, nextOffset } = scanBatches(Buffer.concat([compacted, empty]), 100, [])
    assert.deepEqual(
      (await read(batches[0]!)).map(({ offset }) => offset),
      [102, 107],
    )
    assert.deepEqual(await read(batches[1]!), [])
    assert.equal(nextOffset, 115)
  })

  test('keeps the bytes of correlation data, which could be taken for text', async () => {
    const [batch] = scanBatches(
      batchOf([{ headers: [[Buffer.from('mqtt-correlation-data'), Buffer.from('text')]] }]),
      0,
      [],
    ).batches
    const [record] = await read(batch!)
    assert.deepEqual(record!.headers, [['mqtt-correlation-data', Buffer.from('text')]])
  })

  test('that is damaged anywhere behind its length is never taken', async () => {
    const batch = batchOf([{ key: Buffer.from('key'), value: Buffer.from('value') }])
    for (let at = 16; at < batch.length; at++) {
      const damaged = Buffer.from(batch)
      damaged[at] = damaged[at]! ^ 0x40
      const { batches, fault } = scanBatches(damaged, 0, [])
      if (fault !== null || batches.length === 0) continue
      await assert.rejects(async () => recordsOf(batches[0]!), { code: 'E606', retry: 'later' }, `byte ${at}`)
    }
  })

  test('whose records lie about their lengths is refused, without reading beyond it', () => {
    fc.assert(
      fc.property(fc.nat(80), fc.nat(255), (place, byte) => {
        const batch = batchOf([
          { key: Buffer.from('key'), value: Buffer.alloc(20), headers: [[Buffer.from('a'), Buffer.from('b')]] },
          { value: Buffer.alloc(20) },
        ])
        batch[Math.min(61 + place, batch.length - 1)] = byte
        batch.writeUInt32BE(crc32c(batch.subarray(21)), 17)
        const [scanned] = scanBatches(batch, 0, []).batches
        const cursor = new RecordCursor()
        cursor.open('topic', scanned!, recordsOf(scanned!) as Buffer)
        try {
          while (cursor.next()) {
            assert.ok(cursor.payload.length <= batch.length)
            assert.ok(cursor.headers.length <= batch.length)
          }
        } catch (thrown) {
          assert.equal((thrown as { code: string }).code, 'E606')
        }
      }),
    )
  })

  test('of an older format is told, and what is cut off at the end is left for the next fetch', () => {
    const whole = batchOf([{}])
    for (let size = 0; size < whole.length; size++) {
      const { batches, nextOffset, fault } = scanBatches(Buffer.concat([whole, whole.subarray(0, size)]), 0, [])
      assert.equal(batches.length, 1)
      assert.equal(nextOffset, 1)
      assert.equal(fault, null)
    }
    const old = Buffer.from(whole)
    old[16] = 1
    assert.match(scanBatches(old, 0, []).fault!.message, /format 1/)
  })
})

describe('transactions in what was fetched', () => {
  const within = (baseOffset: number, producerId: number): Buffer =>
    batchOf([{ value: Buffer.from(`${producerId}@${baseOffset}`) }], { baseOffset, attributes: 0x10, producerId })
  const shown = (records: readonly Buffer[], aborted: readonly AbortedTransaction[]): number[] =>
    scanBatches(Buffer.concat(records), 0, aborted)
      .batches.filter(({ skipped }) => !skipped)
      .map(({ baseOffset }) => baseOffset)

  test('are left out from their first record to their marker when they were aborted, each producer for itself', () => {
    const log = [
      within(0, 7),
      within(1, 8),
      within(2, 7),
      control(0, 3, 7),
      control(1, 4, 8),
      within(5, 7),
      control(1, 6, 7),
    ]
    assert.deepEqual(shown(log, [{ producerId: 7, firstOffset: 0 }]), [1, 5])
  })

  test('are left out also when they began before what was fetched, and twice by the same producer', () => {
    const log = [within(10, 7), control(0, 11, 7), within(12, 7), control(0, 13, 7), within(14, 7), control(1, 15, 7)]
    assert.deepEqual(
      shown(log, [
        { producerId: 7, firstOffset: 12 },
        { producerId: 7, firstOffset: 3 },
      ]),
      [14],
    )
  })

  test('never show their markers', () => {
    assert.deepEqual(shown([control(1, 0, 7), control(0, 1, 8), batchOf([{}], { baseOffset: 2 })], []), [2])
  })
})

const textOrBuffer = (bytes: Buffer): string | Buffer => (isText(bytes) ? bytes.toString() : bytes)
const textOrBase64 = (bytes: Buffer): string => (isText(bytes) ? bytes.toString() : bytes.toString('base64'))
const isText = (bytes: Buffer): boolean => Buffer.from(bytes.toString()).equals(bytes)
