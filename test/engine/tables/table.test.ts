import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CsvType } from '../../../src/engine/encoding/csv.ts'
import {
  maxTableRows,
  readTable,
  type Table,
  type TableForm,
  type TableSource,
} from '../../../src/engine/tables/table.ts'
import { jsonOf, message, run } from '../rules.ts'
import { registryOfFiles, rulesWith } from '../schemas.ts'

const form = (file: string, key: string | null, types: Record<string, CsvType> = {}): TableForm => ({
  file,
  key,
  types: new Map(Object.entries(types)),
})

const machines = 'id,line,limit\npress-7,A,80.5\npress-8,B,\n'

/** Tables of texts by file name. */
class Texts implements TableSource {
  readonly texts: Record<string, string>
  readonly opened: Table[] = []

  constructor(texts: Record<string, string>) {
    this.texts = texts
  }

  open(form: TableForm): ReturnType<TableSource['open']> {
    const { file } = form
    const read = readTable(this.texts[file] ?? '', form)
    if ('message' in read) return { ...read, file }
    this.opened.push(read)
    return read
  }
}

const registry = registryOfFiles({})

describe('a table', () => {
  it('of CSV finds rows by a column, whose cells are text unless a type is said', () => {
    const table = readTable(machines, form('m.csv', 'id', { limit: 'number' })) as Table
    assert.deepEqual(table.rows.toJSON(), {
      'press-7': { id: 'press-7', line: 'A', limit: 80.5 },
      'press-8': { id: 'press-8', line: 'B', limit: null },
    })
  })

  it('of CSV may part its cells by semicolons or tabs', () => {
    for (const delimiter of [';', '\t']) {
      const table = readTable(machines.replaceAll(',', delimiter), form('m.csv', 'id')) as Table
      assert.deepEqual([...table.rows.keyed.keys()], ['press-7', 'press-8'])
    }
  })

  it('of JSON is a list with a key, or an object', () => {
    const list = readTable('[{"id": 7, "line": "A"}]', form('m.json', 'id')) as Table
    assert.deepEqual(list.rows.toJSON(), { 7: { id: 7, line: 'A' } })
    const object = readTable('{"a": 1, "b": {"c": 2}}', form('m.JSON', null)) as Table
    assert.deepEqual(object.rows.toJSON(), { a: 1, b: { c: 2 } })
  })

  it('keeps hostile keys as data', () => {
    const table = readTable('id,x\n__proto__,1\nconstructor,2\n', form('m.csv', 'id')) as Table
    assert.deepEqual([...table.rows.keyed.keys()], ['__proto__', 'constructor'])
    assert.equal(({} as { x?: unknown }).x, undefined)
  })

  const faults: [text: string, form: TableForm, line: number, message: RegExp][] = [
    ['id,x\n1\n', form('m.csv', 'id'), 2, /has 1 cells, and there are 2 columns/],
    ['id,x\n1,2\n1,3\n', form('m.csv', 'id'), 3, /the key "1" stands twice/],
    ['id,x\n1,hot\n', form('m.csv', 'id', { x: 'number' }), 2, /x in line 2 must be number, and is "hot"/],
    ['id,x\n', form('m.csv', 'nr'), 1, /there is no column `nr`; the columns are id, x/],
    ['id,x\n', form('m.csv', 'id', { y: 'int' }), 1, /there is no column `y`/],
    ['id,id\n', form('m.csv', 'id'), 1, /two columns share a name/],
    ['id,x\n', form('m.csv', null), 1, /needs a `key`/],
    [
      `id\n${Array.from({ length: maxTableRows + 1 }, (_, at) => at).join('\n')}`,
      form('m.csv', 'id'),
      50_002,
      /more than 50000/,
    ],
    ['[1]', form('m.json', 'id'), 1, /row 0 has no `id`/],
    ['[{"id": 1}]', form('m.json', null), 1, /needs a `key`/],
    ['5', form('m.json', 'id'), 1, /not number/],
    ['{', form('m.json', 'id'), 1, /JSON/],
  ]
  for (const [text, said, line, expected] of faults) {
    it(`with a fault is told with its line: ${expected.source}`, () => {
      const read = readTable(text, said)
      assert.ok('message' in read)
      assert.match(read.message, expected)
      assert.equal(read.line, line)
    })
  }
})

const rule = `
from: plants/#
tables:
  machines: { file: m.csv, key: id, types: { limit: number } }
where: payload.t > machines[client].limit
set: { line: 'machines[client].line' }
to: [{ sink: lake }]
`

describe('rules look things up in tables', () => {
  it('by a key of the message, and see new rows from the next message on', () => {
    const source = new Texts({ 'm.csv': machines })
    const rules = rulesWith(registry, { r: rule }, source)
    assert.deepEqual(jsonOf(run(rules, message({ t: 90 })).owed[0]!.payload), { t: 90, line: 'A' })
    assert.equal(run(rules, message({ t: 80 })).owed.length, 0)
    const next = readTable('id,line,limit\npress-7,C,10\n', form('m.csv', 'id', { limit: 'number' })) as Table
    source.opened[0]!.rows = next.rows
    assert.deepEqual(jsonOf(run(rules, message({ t: 80 })).owed[0]!.payload), { t: 80, line: 'C' })
  })

  it('and say so when there is no such row, or take another value', () => {
    const rules = rulesWith(registry, { r: rule }, new Texts({ 'm.csv': machines }))
    const { refusal } = run(rules, message({ t: 1 }, { client: 'saw-1' }))
    assert.equal(refusal?.error.message, 'machines has no field "saw-1" (rule r)')
    const optional = rule
      .replace('machines[client].limit', 'machines[?client].limit.orValue(0.0)')
      .replace('machines[client].line', 'machines[?client].line.orValue("none")')
    const others = rulesWith(registry, { r: optional }, new Texts({ 'm.csv': machines }))
    const { owed } = run(others, message({ t: 1 }, { client: 'saw-1' }))
    assert.deepEqual(jsonOf(owed[0]!.payload), { t: 1, line: 'none' })
  })

  it('of many rows without holding others up, whatever an expression does with the whole', () => {
    const rows = Array.from({ length: maxTableRows }, (_, at) => `press-${at},A,${at}`).join('\n')
    const source = new Texts({ 'm.csv': `id,line,limit\n${rows}\n` })
    const whole = ['machines', '[machines]', 'machines.map(k, machines[k])', 'size(machines)', 'machines == {"a": 1}']
    for (const expression of [...whole, 'machines.exists(k, k == "x")', '"x" in machines']) {
      const text = rule.replace("'machines[client].line'", `'${expression}'`).replace('machines[client].limit', '1')
      const rules = rulesWith(registry, { r: text }, source)
      const times = [1, 2, 3, 4, 5].map(() => {
        const start = performance.now()
        run(rules, message({ t: 2 }))
        return performance.now() - start
      })
      assert.ok(Math.min(...times) < 10, `${expression}: ${Math.min(...times)} ms`)
    }
  })

  const faults: [title: string, rule: string, tables: Record<string, string>, expected: string][] = [
    [
      'a column that the table does not have',
      rule.replace('].line', '].lin'),
      { 'm.csv': machines },
      'rules/r.yaml:6:32  E217  unknown field `lin` in the table (did you mean `line`?)',
    ],
    [
      'a bad file',
      rule,
      { 'm.csv': 'id\n' },
      'rules/r.yaml:4:21  E209  m.csv:1: there is no column `limit`; the columns are id',
    ],
    [
      'a name that means something else',
      rule.replace('machines:', 'topic:').replaceAll('machines[', 'topic['),
      { 'm.csv': machines },
      'rules/r.yaml:4:3  E201  `topic` already means something in expressions',
    ],
    [
      'a wrong field',
      rule.replace('key: id', 'kee: id'),
      { 'm.csv': machines },
      'rules/r.yaml:4:28  E201  unknown field `tables.machines.kee` (did you mean `key`?)',
    ],
  ]
  for (const [title, text, tables, expected] of faults) {
    it(`B1: ${title} is a fault at load`, () => {
      assert.throws(
        () => rulesWith(registry, { r: text }, new Texts(tables)),
        (thrown: Error) => {
          assert.ok(thrown.message.split('\n').includes(expected), thrown.message)
          return true
        },
      )
    })
  }
})
