import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { segmentName } from '../../src/journal/segment.ts'
import { createTail, readHead, readOwed, readTail, writeHead, writeOwed } from '../../src/journal/tail.ts'
import { appendNumbers, dataFolder, openJournal } from './journal-fixture.ts'

test('what is written to the cells is read from them, each in its own', () => {
  const tail = createTail(2)
  writeOwed(tail, 0, 3, 30)
  writeOwed(tail, 1, 4, 40)
  writeHead(tail, { durable: 7, first: 5, endBytes: 900 })
  assert.deepEqual(readHead(tail), { durable: 7, first: 5, endBytes: 900 })
  assert.equal(readTail(tail), 7)
  assert.deepEqual(readOwed(tail, 0), { messages: 3, bytes: 30 })
  assert.deepEqual(readOwed(tail, 1), { messages: 4, bytes: 40 })
})

test('the head names the segment of the last durable record and where it ends there', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder, { segmentBytes: 1000 })
  assert.deepEqual(readHead(journal.tail), { durable: 0, first: 0, endBytes: 0 })
  const firsts = new Set<number>()
  for (let number = 1; number <= 20; number += 1) {
    await appendNumbers(journal, number, 1)
    const { durable, first, endBytes } = readHead(journal.tail)
    assert.equal(durable, number)
    assert.equal(endBytes, fs.statSync(path.join(folder, segmentName(first))).size)
    firsts.add(first)
  }
  assert.ok(firsts.size > 3)
})
