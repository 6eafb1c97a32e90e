import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import type { Receipt } from 'trestle/contract'
import { type Disk, realDisk } from '../../../connectors/file/disk.ts'
import file from '../../../connectors/file/index.ts'
import { fileOptions } from '../../../connectors/file/options.ts'
import { FileSink } from '../../../connectors/file/sink.ts'
import { connectorContext, deliveries } from '../../support/delivery.ts'

const folders: string[] = []
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))))

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'trestle-file-'))
  folders.push(folder)
  return folder
}

async function openSink(path: string, given: object = {}, disk: Disk = realDisk): Promise<FileSink> {
  const sink = new FileSink(fileOptions({ path, ...given }), connectorContext('/none'), disk)
  await sink.open()
  return sink
}

/** Every line of every data file below the folder, parsed; put-aside files come first. A torn line fails. */
async function readLines(folder: string): Promise<{ id: string; [name: string]: unknown }[]> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.jsonl')).sort()
  const aside = names.filter((name) => /\.\d{4}-/.test(name))
  const all = [...aside, ...names.filter((name) => !aside.includes(name))]
  const lines: { id: string }[] = []
  for (const name of all) {
    const text = await readFile(join(folder, name), 'utf8')
    assert.ok(text === '' || text.endsWith('\n'), `${name} ends within a line`)
    for (const line of text.split('\n').slice(0, -1)) lines.push(JSON.parse(line))
  }
  return lines
}

const outcomes = (receipts: readonly Receipt[]): string[] =>
  receipts.map(({ outcome, error }) => error?.code ?? outcome)
const ids = (lines: readonly { id: string }[]): string[] => lines.map(({ id }) => id)
const upTo = (count: number): string[] => Array.from({ length: count }, (_, at) => `hub-${at + 1}-0`)

describe('the file sink', () => {
  test('writes one object a line, with the payload as it came', async () => {
    const folder = await newFolder()
    const make = deliveries()
    const sink = await openSink(folder)
    const payloads = [
      '{"a": 1,\r\n "b": "x\\ny"}',
      '21.5',
      'warm',
      Buffer.from([0xff, 0xfe]),
      '',
      '12345678901234567890',
    ]
    const receipts = await sink.deliver([
      make({
        payload: payloads[0]!,
        key: 'k"',
        headers: [
          ['line', '3'],
          ['line', '4'],
          ['raw', Buffer.from([1])],
        ],
      }),
      ...payloads.slice(1).map((payload) => make({ payload })),
    ])
    assert.deepEqual(
      outcomes(receipts),
      payloads.map(() => 'delivered'),
    )
    assert.equal(receipts[0]!.place, 'messages.jsonl')
    await sink.close()
    const lines = await readLines(folder)
    assert.deepEqual(lines[0], {
      id: 'hub-1-0',
      time: '2023-11-14T22:13:20.001Z',
      topic: 'plants/oslo/1',
      client: 'device-1',
      key: 'k"',
      headers: { line: ['3', '4'], raw: 'AQ==' },
      payload: { a: 1, b: 'x\ny' },
    })
    assert.deepEqual(
      lines.slice(1).map(({ payload, payload_text, payload_base64 }) => payload ?? payload_text ?? payload_base64),
      [21.5, 'warm', '//4=', '', 12345678901234567000],
    )
    assert.match(await readFile(join(folder, 'messages.jsonl'), 'utf8'), /"payload":12345678901234567890}/)
  })

  test('writes where the rule says, and never outside its folder', async () => {
    const folder = await newFolder()
    const make = deliveries()
    const sink = await openSink(join(folder, 'out'))
    const bad = ['../x.jsonl', '/etc/x', 'a/../../x', '.', 'a/', 'nul\0', 'a'.repeat(300)]
    const receipts = await sink.deliver([
      make({ target: 'oslo/a.jsonl' }),
      ...bad.map((target) => make({ target })),
      make({ target: './b' }),
      make({ target: 'trestle.position' }),
    ])
    assert.deepEqual(outcomes(receipts), ['delivered', ...bad.map(() => 'E606'), 'delivered', 'delivered'])
    assert.ok(receipts[1]!.outcome === 'refused')
    await sink.close()
    assert.deepEqual((await readdir(folder, { recursive: true })).sort(), [
      'out',
      'out/b.jsonl',
      'out/oslo',
      'out/oslo/a.jsonl',
      'out/trestle.position',
      'out/trestle.position.jsonl',
    ])
  })

  test('does not write a second time what is in the files, after a restart too', async () => {
    const folder = await newFolder()
    const make = deliveries()
    const batch = Array.from({ length: 10 }, () => make())
    let sink = await openSink(folder)
    await sink.deliver(batch.slice(0, 6))
    assert.deepEqual(new Set(outcomes(await sink.deliver(batch.slice(3, 8)))), new Set(['delivered']))
    await sink.close()
    sink = await openSink(folder)
    assert.deepEqual(new Set(outcomes(await sink.deliver(batch))), new Set(['delivered']))
    await sink.close()
    assert.deepEqual(ids(await readLines(folder)), upTo(10))
  })

  test('takes a refused delivery that comes back after later ones were written', async () => {
    const folder = await newFolder()
    const make = deliveries()
    const [one, two, three] = [make(), make({ target: '../no' }), make()]
    let sink = await openSink(folder)
    assert.deepEqual(outcomes(await sink.deliver([one, two, three])), ['delivered', 'E606', 'delivered'])
    await sink.close()
    sink = await openSink(folder)
    assert.deepEqual(outcomes(await sink.deliver([{ ...two, target: null }])), ['delivered'])
    assert.deepEqual(outcomes(await sink.deliver([{ ...two, target: null }])), ['delivered'])
    await sink.close()
    assert.deepEqual(ids(await readLines(folder)), ['hub-1-0', 'hub-3-0', 'hub-2-0'])
  })

  test('A3: writes what arrived later at a place that is taken: the journal was put back from a copy', async () => {
    const folder = await newFolder()
    const at = (timeMs: number): (() => ReturnType<ReturnType<typeof deliveries>>) => {
      const make = deliveries()
      return () => {
        const delivery = make()
        return { ...delivery, message: { ...delivery.message, timeMs } }
      }
    }
    const [before, after] = [at(1000), at(2000)]
    const old = Array.from({ length: 6 }, before)
    const put = [...old.slice(0, 3), ...Array.from({ length: 5 }, after).slice(3)]
    let sink = await openSink(folder)
    await sink.deliver(old)
    await sink.close()
    for (let start = 0; start < 3; start++) {
      sink = await openSink(folder)
      assert.deepEqual(new Set(outcomes(await sink.deliver(put))), new Set(['delivered']))
      await sink.deliver(put.slice(2))
      await sink.close()
    }
    const lines = await readLines(folder)
    assert.deepEqual(ids(lines), [...upTo(6), ...upTo(5).slice(3)])
    assert.deepEqual(
      lines.slice(6).map(({ time }) => time),
      put.slice(3).map(() => new Date(2000).toISOString()),
    )
  })

  test('forgets positions of another hub, and refuses a folder of another connector', async () => {
    const folder = await newFolder()
    const sink = await openSink(folder)
    await sink.deliver([deliveries('old')()])
    await sink.close()
    const other = (change: object): FileSink =>
      new FileSink(fileOptions({ path: folder }), { ...connectorContext('/none'), ...change })
    await assert.rejects(other({ name: 'another' }).open(), { code: 'E109' })
    const fresh = other({ hub: 'new' })
    await fresh.open()
    await fresh.deliver([deliveries('new')()])
    await fresh.close()
    assert.deepEqual(ids(await readLines(folder)), ['old-1-0', 'new-1-0'])
  })

  test('puts files aside by size and by age, and loses no line', async () => {
    const folder = await newFolder()
    const make = deliveries()
    let nowMs = Date.parse('2026-11-20T13:00:00Z')
    const options = fileOptions({ path: folder, rotate_size_bytes: 900, rotate_every_s: 60 })
    const sink = new FileSink(options, { ...connectorContext('/none'), now: () => nowMs })
    await sink.open()
    for (let round = 0; round < 5; round++) await sink.deliver([make(), make(), make()])
    nowMs += 61_000
    await sink.deliver([make()])
    await sink.close()
    const names = (await readdir(folder)).filter((name) => name.endsWith('.jsonl')).sort()
    assert.deepEqual(names, [
      'messages.2026-11-20T130000Z-2.jsonl',
      'messages.2026-11-20T130000Z.jsonl',
      'messages.2026-11-20T130101Z.jsonl',
      'messages.jsonl',
    ])
    assert.deepEqual(ids(await readLines(folder)).sort(), upTo(16).sort())
  })

  test('begins a new line after one that another program left torn', async () => {
    const folder = await newFolder()
    await writeFile(join(folder, 'messages.jsonl'), '{"id":"theirs"}\n{"id":"to')
    const sink = await openSink(folder)
    await sink.deliver([deliveries()()])
    await sink.close()
    const lines = (await readFile(join(folder, 'messages.jsonl'), 'utf8')).split('\n')
    assert.equal(JSON.parse(lines[2]!).id, 'hub-1-0')
  })

  test('a crash between any two steps leaves no line twice and none torn', async () => {
    let crashes = 0
    for (let steps = 0; ; steps++) {
      const folder = await newFolder()
      const make = deliveries()
      const all = Array.from({ length: 30 }, (_, at) => make({ target: at % 5 === 0 ? 'b.jsonl' : null }))
      const given = { rotate_size_bytes: 700 }
      // Two lives: the first ends at the given step, the second gets everything that was not confirmed before it.
      const disk = crashingDisk(steps)
      const confirmed = await live(folder, given, all, disk)
      await disk.release()
      const crashed = disk.crashed()
      if (crashed) crashes++
      const sink = await openSink(folder, given)
      for (let at = Math.max(0, confirmed - 4); at < all.length; at += 4) {
        assert.deepEqual(new Set(outcomes(await sink.deliver(all.slice(at, at + 4)))), new Set(['delivered']))
      }
      await sink.close()
      const found = ids(await readLines(folder))
      assert.deepEqual([...found].sort(), upTo(30).sort(), `after a crash at step ${steps}`)
      if (!crashed) break
    }
    assert.ok(crashes > 60, `${crashes} different moments`)
  })

  test('a full disk fails the batch whole, and takes it when there is space', async () => {
    for (let failAt = 0; failAt < 12; failAt++) {
      const folder = await newFolder()
      const make = deliveries()
      const all = Array.from({ length: 9 }, (_, at) => make({ target: at % 2 ? 'b.jsonl' : null }))
      let sink = await openSink(folder)
      await sink.deliver(all.slice(0, 3))
      await sink.close()
      const disk = failingDisk(failAt)
      sink = await openSink(folder, {}, disk)
      disk.arm()
      const receipts = await sink.deliver(all.slice(3, 6))
      if (!disk.failed()) {
        assert.deepEqual(new Set(outcomes(receipts)), new Set(['delivered']))
        assert.ok(failAt > 4)
        await sink.close()
        break
      }
      assert.deepEqual(outcomes(receipts), ['E607', 'E607', 'E607'])
      assert.equal(receipts[0]!.error!.retry, 'later')
      assert.deepEqual(ids(await readLines(folder)).sort(), upTo(3).sort(), 'nothing half is left')
      assert.deepEqual(new Set(outcomes(await sink.deliver(all.slice(3)))), new Set(['delivered']))
      await sink.close()
      assert.deepEqual(ids(await readLines(folder)).sort(), upTo(9).sort())
    }
  })

  test('A3: kill -9 while writing leaves no line twice and none torn, and nothing confirmed is lost', async () => {
    const folder = await newFolder()
    let confirmed = 0
    for (let life = 0; life < 6; life++) confirmed = await writeAndKill(folder, confirmed, 40 + life * 35)
    assert.ok(confirmed > 0)
    // The last life may have ended between the two files of a batch; what does not count is cut off at the start.
    const sink = await openSink(folder, { rotate_size_bytes: 20_000, sync: false })
    await sink.close()
    const found = ids(await readLines(folder))
      .map((id) => Number(id.split('-')[1]))
      .sort((a, b) => a - b)
    assert.equal(new Set(found).size, found.length, 'no line twice')
    assert.ok(found.length >= confirmed)
    assert.deepEqual(
      found,
      found.map((_, at) => at + 1),
      'none is missing in between',
    )
  })

  test('the probe says whether the folder can be written', async () => {
    const folder = await newFolder()
    const probe = (path: string) => file.probe!({ path } as unknown as never, connectorContext('/none'))
    assert.equal((await probe(folder))[0]!.ok, true)
    await writeFile(join(folder, 'file'), '')
    assert.equal((await probe(join(folder, 'file', 'below')))[0]!.ok, false)
  })
})

/** Opens and delivers in batches of four until the disk ends; answers how many were confirmed in order. */
async function live(
  folder: string,
  given: object,
  all: ReturnType<ReturnType<typeof deliveries>>[],
  disk: Disk,
): Promise<number> {
  let confirmed = 0
  try {
    const sink = await openSink(folder, given, disk)
    for (let at = 0; at < all.length; at += 4) {
      const receipts = await sink.deliver(all.slice(at, at + 4))
      if (receipts.some(({ outcome }) => outcome !== 'delivered')) return confirmed
      confirmed += receipts.length
    }
  } catch (error) {
    assert.match(String(error), /the process has ended/)
  }
  return confirmed
}

/** A disk that does `steps` changes, half of the next one if it is a write, and nothing afterwards. */
function crashingDisk(steps: number): Disk & { crashed(): boolean; release(): Promise<void> } {
  let left = steps
  let dead = false
  const handles: { close(): Promise<void> }[] = []
  const end = (): never => {
    dead = true
    throw new Error('the process has ended')
  }
  const step = (): void => {
    if (dead || left-- <= 0) end()
  }
  return {
    ...realDisk,
    crashed: () => dead,
    /** What the system does for a process that has ended. */
    release: async () => {
      await Promise.allSettled(handles.map((handle) => handle.close()))
    },
    async open(path) {
      step()
      const opened = await realDisk.open(path)
      handles.push(opened)
      return {
        ...opened,
        async write(bytes, at) {
          if (dead || left-- <= 0) {
            if (!dead) await opened.write(bytes.subarray(0, bytes.length >> 1), at)
            end()
          }
          await opened.write(bytes, at)
        },
        async sync() {
          step()
          await opened.sync()
        },
        async truncate(size) {
          step()
          await opened.truncate(size)
        },
      }
    },
    async rename(from, to) {
      step()
      await realDisk.rename(from, to)
      step()
    },
  }
}

/** A disk whose n-th write or sync after `arm` finds it full, once. */
function failingDisk(failAt: number): Disk & { arm(): void; failed(): boolean } {
  let left = Number.POSITIVE_INFINITY
  let failed = false
  const step = (): boolean => {
    if (left-- !== 0) return false
    failed = true
    return true
  }
  const full = (): Error => Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
  return {
    ...realDisk,
    arm: () => {
      left = failAt
    },
    failed: () => failed,
    async open(path) {
      const opened = await realDisk.open(path)
      return {
        ...opened,
        async write(bytes, at) {
          if (!step()) return opened.write(bytes, at)
          await opened.write(bytes.subarray(0, bytes.length >> 1), at)
          throw full()
        },
        async sync() {
          if (step()) throw full()
          await opened.sync()
        },
      }
    },
  }
}

/** A child writes from `confirmed` on, printing what was confirmed, until it is killed; answers the last it printed. */
function writeAndKill(folder: string, confirmed: number, afterMs: number): Promise<number> {
  const child = spawn(process.execPath, [
    '--conditions=trestle-source',
    join(import.meta.dirname, 'endless-writer.ts'),
    folder,
    String(confirmed),
  ])
  let text = ''
  let _timer: NodeJS.Timeout | null = null
  child.stdout.on('data', (chunk) => {
    text += chunk
    _timer ??= setTimeout(() => child.kill('SIGKILL'), afterMs)
  })
  let faults = ''
  child.stderr.on('data', (chunk) => {
    faults += chunk
  })
  return new Promise((settle, fail) => {
    child.on('exit', (code, signal) => {
      if (signal !== 'SIGKILL') return fail(new Error(`the writer ended by itself (${code}): ${faults}`))
      const printed = text.split('\n').slice(0, -1)
      settle(Number(printed.at(-1) ?? confirmed))
    })
  })
}
