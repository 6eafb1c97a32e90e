import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { Table } from '../../src/engine/tables/table.ts'
import { maxTableBytes } from '../../src/engine/tables/table.ts'
import { type TableChange, TableFiles } from '../../src/hub/table-files.ts'

const form = { file: '../tables.csv', key: 'id', types: new Map() }

/** A folder with a table, and a way to change it so that it is seen. */
function prepared(text: string) {
  const folder = mkdtempSync(join(tmpdir(), 'trestle-tables-'))
  const file = join(folder, 'tables.csv')
  let touched = 1_000_000
  const write = (next: string): void => {
    writeFileSync(file, next)
    touched += 10
    utimesSync(file, touched, touched)
  }
  write(text)
  const files = new TableFiles()
  const open = () => files.open(form, join(folder, 'rules', 'r.yaml'))
  const changes: TableChange[] = []
  const look = () => files.look((change) => changes.push(change))
  return { file, write, files, open, changes, look }
}

describe('files of tables', () => {
  it('are found beside the rule, and shared by all rules that say the same', () => {
    const { open } = prepared('id,x\na,1\n')
    const table = open() as Table
    assert.deepEqual(table.rows.toJSON(), { a: { id: 'a', x: '1' } })
    assert.equal(open(), table)
  })

  it('are read anew when they have changed, into the table that rules have', async () => {
    const { write, open, look, changes, file } = prepared('id,x\na,1\n')
    const table = open() as Table
    await look()
    assert.deepEqual(changes, [])
    write('id,x,y\nb,2,3\n')
    await look()
    assert.deepEqual([...table.rows.keyed.keys()], ['b'])
    assert.deepEqual(changes, [{ file, rows: 1, fault: null }])
  })

  it('that are bad are told once, and the rows stay', async () => {
    const { write, open, look, changes, file } = prepared('id,x\na,1\n')
    const table = open() as Table
    write('id,x\na,1\na,2\n')
    await look()
    await look()
    assert.deepEqual(changes, [{ file, rows: 1, fault: { line: 3, message: 'the key "a" stands twice' } }])
    write('id\na\n')
    await look()
    assert.match(changes[1]?.fault?.message ?? '', /a column that the rules know is gone/)
    rmSync(file)
    await look()
    await look()
    assert.equal(changes.length, 3)
    assert.match(changes[2]?.fault?.message ?? '', /there is no such file/)
    assert.deepEqual([...table.rows.keyed.keys()], ['a'])
    write('id,x\nc,1\n')
    await look()
    assert.deepEqual([...table.rows.keyed.keys()], ['c'])
  })

  it('that are bad are a fault to rules that are loaded then', async () => {
    const { write, open, look } = prepared('id,x\na,1\n')
    open()
    write('id,x\na\n')
    assert.match((open() as { message: string }).message, /has 1 cells, and there are 2 columns/)
    await look()
    assert.match((open() as { message: string }).message, /has 1 cells, and there are 2 columns/)
  })

  it('that are too large or no UTF-8 are refused', () => {
    const { file, open } = prepared('id,x\na,1\n')
    writeFileSync(file, Buffer.alloc(maxTableBytes + 1, 'x'))
    assert.match((open() as { message: string }).message, /larger than 4194304 bytes/)
    writeFileSync(file, Buffer.from([0x69, 0x64, 0x0a, 0xff]))
    assert.match((open() as { message: string }).message, /not valid/)
  })

  it('are looked at from time to time, until they are closed', async () => {
    const { write, open, files } = prepared('id,x\na,1\n')
    const table = open() as Table
    write('id,x\nb,1\n')
    const change = await new Promise<TableChange>((resolve) => files.watch(resolve, 5))
    files.close()
    assert.equal(change.rows, 1)
    assert.deepEqual([...table.rows.keyed.keys()], ['b'])
  })
})
