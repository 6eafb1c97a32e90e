import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import type { Receipt } from 'trestle/contract'
import { fileOptions } from '../../../connectors/file/options.ts'
import { FileSink } from '../../../connectors/file/sink.ts'
import { connectorContext, deliveries } from '../../support/delivery.ts'

const folders: string[] = []
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'trestle-file-'))
  folders.push(folder)
  return folder
}

async function openSink(path: string, given: object, now: () => number = Date.now): Promise<FileSink> {
  const sink = new FileSink(fileOptions({ path, ...given }), { ...connectorContext('/none'), now })
  await sink.open()
  return sink
}

const told = (receipts: readonly Receipt[]): string[] => receipts.map(({ outcome, error }) => error?.code ?? outcome)
const program = fileURLToPath(new URL('endless-writer.ts', import.meta.url))

describe('the formats of the file sink', () => {
  test('CSV has its columns in a first row, quotes as RFC 4180 says, and takes only payloads that have the fields', async () => {
    const path = newFolder()
    const columns = ['time', 'topic', 'key', 'header.line', 'payload.a', 'payload.b.c', 'payload.d', 'payload.none']
    const sink = await openSink(path, { format: 'csv', columns })
    const make = deliveries()
    const receipts = await sink.deliver([
      make({
        payload: '{"a":1.5,"b":{"c":"x, \\"y\\"\\r\\nz"},"d":[1,2]}',
        key: 'k',
        headers: [['line', '3']],
        message: { timeMs: 0 },
      }),
      make({ payload: 'no JSON' }),
      make({ payload: '{"a":true}' }),
    ])
    await sink.close()
    assert.deepEqual(told(receipts), ['delivered', 'E606', 'delivered'])
    assert.equal(receipts[1]!.outcome, 'refused')
    const again = await openSink(path, { format: 'csv', columns })
    await again.deliver([make({ payload: '{"a":2}', message: { timeMs: 1_800_000_000_000 } })])
    await again.close()
    assert.deepEqual(readFileSync(join(path, 'messages.csv'), 'utf8').split('\r\n').slice(0, 3), [
      'time,topic,key,header.line,payload.a,payload.b.c,payload.d,payload.none',
      '1970-01-01T00:00:00.000Z,plants/oslo/1,k,3,1.5,"x, ""y""',
      'z","[1,2]",',
    ])
    const text = readFileSync(join(path, 'messages.csv'), 'utf8')
    assert.equal(text.match(/time,topic/g)!.length, 1)
    assert.ok(text.endsWith('2027-01-15T08:00:00.000Z,plants/oslo/1,,,2,,,\r\n'))
  })

  test('every file of CSV that is put aside begins with the columns', async () => {
    const path = newFolder()
    let nowMs = 1_800_000_000_000
    const given = { format: 'csv', columns: ['id'], rotate_size_bytes: 40 }
    const sink = await openSink(path, given, () => (nowMs += 1000))
    const make = deliveries()
    for (let n = 0; n < 9; n++) await sink.deliver([make()])
    await sink.close()
    const names = readdirSync(path).filter((name) => name.endsWith('.csv'))
    assert.ok(names.length > 1)
    const rows = names.flatMap((name) => {
      const [first, ...others] = readFileSync(join(path, name), 'utf8').trim().split('\r\n')
      assert.equal(first, 'id')
      return others
    })
    assert.deepEqual(rows.toSorted(), Array.from({ length: 9 }, (_, n) => `hub-${n + 1}-0`).toSorted())
  })

  test('CSV without columns is refused before anything is written', () => {
    assert.throws(() => new FileSink(fileOptions({ path: '/none', format: 'csv' }), connectorContext('/none')), {
      code: 'E109',
    })
  })

  test('raw files hold the payloads’ own bytes, with a separator or their lengths', async () => {
    const payloads = [new Uint8Array([0, 255, 10]), new Uint8Array(0), new Uint8Array([1])]
    for (const [given, wanted] of [
      [{}, [0, 255, 10, 10, 10, 1, 10]],
      [{ separator: '' }, [0, 255, 10, 1]],
      [{ separator: '--' }, [0, 255, 10, 45, 45, 45, 45, 1, 45, 45]],
      [{ framing: 'length' }, [0, 0, 0, 3, 0, 255, 10, 0, 0, 0, 0, 0, 0, 0, 1, 1]],
    ] as const) {
      const path = newFolder()
      const sink = await openSink(path, { format: 'raw', ...given })
      const make = deliveries()
      await sink.deliver(payloads.map((payload) => make({ payload })))
      await sink.close()
      assert.deepEqual([...readFileSync(join(path, 'messages.raw'))], wanted)
    }
  })

  test('names carry the arrival of the message', async () => {
    const path = newFolder()
    const sink = await openSink(path, { file: '%Y/%m/%d/%H%M' })
    const make = deliveries()
    const timeMs = Date.UTC(2026, 0, 2, 3, 4)
    const receipts = await sink.deliver([make({ message: { timeMs } }), make({ target: 'a-%Y', message: { timeMs } })])
    await sink.close()
    assert.deepEqual(
      receipts.map(({ place }) => place),
      ['2026/01/02/0304.jsonl', 'a-2026.jsonl'],
    )
  })

  test('of the files put aside only the newest are kept, and those of other files are left alone', async () => {
    const path = newFolder()
    let nowMs = 1_800_000_000_000
    const sink = await openSink(path, { rotate_size_bytes: 200, rotate_keep: 2 }, () => (nowMs += 500))
    const make = deliveries()
    for (let n = 0; n < 12; n++) await sink.deliver([make({ target: n % 4 === 0 ? 'messages.other' : null })])
    await sink.close()
    const names = readdirSync(path).filter((name) => name.endsWith('.jsonl'))
    const asideOf = (stem: string): string[] => names.filter((name) => name.startsWith(`${stem}.2027-`)).sort()
    assert.equal(asideOf('messages').length, 2)
    assert.ok(asideOf('messages.other').length > 0)
    const newest = readFileSync(join(path, 'messages.jsonl'), 'utf8')
    assert.match(newest, /hub-12-0/)
    assert.match(readFileSync(join(path, asideOf('messages')[1]!), 'utf8'), /hub-11-0/)
  })

  test('A3: gzip: kill -9 while writing leaves whole members, nothing twice, and nothing confirmed is lost', async () => {
    const path = newFolder()
    const given = { compression: 'gzip', rotate_size_bytes: 3000 }
    let confirmed = 0
    for (let life = 0; life < 5; life++) {
      const args = ['--conditions=trestle-source', program, path, String(confirmed), JSON.stringify(given)]
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      child.stdout.on('data', (chunk: Buffer) => {
        confirmed = Number(chunk.toString().trim().split('\n').at(-1))
      })
      await once(child.stdout, 'data')
      await sleep(30 + life * 25)
      child.kill('SIGKILL')
      await once(child, 'close')
    }
    const sink = await openSink(path, { ...given, sync: false })
    await sink.close()
    const names = readdirSync(path).filter((name) => name.endsWith('.jsonl.gz'))
    assert.ok(names.length > 2)
    const found = names
      .flatMap((name) => gunzipOf(join(path, name)).split('\n').slice(0, -1))
      .map((line) => Number(JSON.parse(line).id.split('-')[1]))
      .toSorted((a, b) => a - b)
    assert.ok(found.length >= confirmed && confirmed > 0)
    assert.deepEqual(
      found,
      found.map((_, at) => at + 1),
    )
  })
})

const gunzipOf = (file: string): string => {
  const bytes = readFileSync(file)
  return bytes.length === 0 ? '' : gunzipSync(bytes).toString()
}
