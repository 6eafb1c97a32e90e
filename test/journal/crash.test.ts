import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { crashCopy, dataFolder, openJournal, readAll, readerOf, segmentsIn } from './journal-fixture.ts'

const rounds = 6
const writer = path.join(import.meta.dirname, 'crash-writer.ts')

/** Runs the writer and kills it at a random moment after its first acknowledgement; answers the last it printed. */
async function writeAndKill(folder: string): Promise<number> {
  const child = spawn(process.execPath, ['--conditions=trestle-source', writer, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  let killing = false
  child.stdout.on('data', (chunk) => {
    printed += chunk
    if (killing) return
    killing = true
    setTimeout(() => child.kill('SIGKILL'), Math.random() * 300)
  })
  await new Promise((resolve) => child.once('close', resolve))
  // What stands behind the last line end may be cut.
  const lines = printed.split('\n').slice(0, -1)
  return Number(lines.at(-1))
}

async function checkAll(t: TestContext, folder: string, acknowledged: number): Promise<number> {
  // On a copy, so that the next round meets what the kill left.
  const copy = crashCopy(t, folder)
  const journal = await openJournal(t, copy)
  assert.ok(journal.durable >= acknowledged, `${acknowledged} acknowledged, ${journal.durable} found`)
  const reader = readerOf(copy, journal)
  const records = readAll(reader, 1000)
  assert.equal(records.length, journal.durable)
  records.forEach((record, index) => {
    assert.equal(record.position, index + 1)
    assert.equal(record.owed[0]!.ordinal, index + 1)
    assert.equal(Number.parseInt(Buffer.from(record.message.payload).toString(), 10), index + 1)
  })
  reader.close()
  assert.equal(journal.tally()['files']!.messages, journal.durable)
  await journal.close()
  fs.rmSync(path.dirname(copy), { recursive: true })
  return journal.durable
}

test(`A1: after kill -9 at a random moment every acknowledged record is there, in order (${rounds} rounds)`, async (t) => {
  const folder = dataFolder(t)
  let found = 0
  for (let round = 0; round < rounds; round += 1) {
    const acknowledged = await writeAndKill(folder)
    assert.ok(acknowledged > found, 'the round acknowledged something')
    found = await checkAll(t, folder, acknowledged)
  }
  assert.ok(segmentsIn(folder).length > rounds)
})
