import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { sharedWriteBytes } from '../../src/journal/write-cells.ts'
import { WriteThread } from '../../src/journal/write-thread.ts'

describe('the writing thread', () => {
  let folder: string
  let files: WriteThread
  let fd: number
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'trestle-write-'))
    files = new WriteThread()
    fd = await files.create(join(folder, 'file'), true)
  })
  afterEach(async () => {
    await files.end()
    rmSync(folder, { recursive: true })
  })
  const write = (text: string, at: number, into = fd): Promise<number> =>
    new Promise((resolve, reject) => {
      const bytes = Buffer.from(`--${text}`)
      files.write(into, bytes, 2, bytes.length - 2, at, (error, written) =>
        error === null ? resolve(written) : reject(error),
      )
    })
  const content = (): string => readFileSync(join(folder, 'file'), 'utf8')

  test('writes where it is told, and says so to who does not wait', async () => {
    assert.equal(await write('journal', 0), 7)
    assert.equal(await write('ney', 4), 3)
    assert.equal(content(), 'journey')
  })

  test('has told who waited when the waiting ends, and nobody twice', async () => {
    const told: number[] = []
    for (let n = 0; n < 200; n++) {
      files.write(fd, Buffer.from([97 + (n % 26)]), 0, 1, n, (error, written) => {
        assert.equal(error, null)
        assert.equal(written, 1)
        told.push(n)
      })
      files.awaitWrite(10_000)
      assert.equal(told.length, n + 1)
    }
    await new Promise((done) => setTimeout(done, 50))
    assert.equal(told.length, 200)
    assert.equal(content().length, 200)
  })

  test('tells by message what was not back when the waiting ended', async () => {
    for (let n = 0; n < 200; n++) {
      const written = new Promise((resolve) => files.write(fd, Buffer.from('x'), 0, 1, n, (_, count) => resolve(count)))
      files.awaitWrite(0.001)
      assert.equal(await written, 1)
    }
  })

  test('hands on the error of a write with its code', async () => {
    const full = await files.create('/dev/full', false)
    await assert.rejects(write('text', 0, full), { code: 'ENOSPC' })
    await files.close(full)
    assert.equal(await write('after', 0), 5)
  })

  test('takes a write that is longer than its memory', async () => {
    const long = Buffer.alloc(sharedWriteBytes + 1, 'y')
    const written = await new Promise((resolve) =>
      files.write(fd, long, 0, long.length, 0, (_, count) => resolve(count)),
    )
    assert.equal(written, long.length)
    files.awaitWrite(1)
  })

  test('writes the ordinary way when it has ended', async () => {
    await files.end()
    assert.equal(await write('still', 0), 5)
    assert.equal(content(), 'still')
  })
})
