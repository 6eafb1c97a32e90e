import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { RuleSet, type RuleText } from '../../src/engine/rule-set.ts'
import { RuleBook, type RuleSources } from '../../src/hub/rule-book.ts'
import { loadRegistry } from '../../src/registry/files.ts'

const environment = () => ({
  sinks: new Map([['lake', { type: 'file', targetField: null, targetOptions: null }]]),
})
const rule = (name: string, more = ''): RuleText => ({
  file: `rules/${name}.yaml`,
  text: `from: ${name}/#\n${more}to: [{ sink: lake }]\n`,
})
const { registry } = loadRegistry('/there/is/no/such/folder')

function bookOf(...texts: RuleText[]) {
  const { rules } = RuleSet.load(texts, { ...environment(), registry })
  const folder: { now: RuleSources } = { now: { texts, registry, faults: [] } }
  const puts: RuleSet[] = []
  const book = new RuleBook({
    rules: rules!,
    texts,
    registry,
    read: async () => folder.now,
    environment,
    put: (next) => puts.push(next),
  })
  const lie = (...next: RuleText[]): void => {
    folder.now = { ...folder.now, texts: next }
  }
  return { book, lie, folder, puts }
}

describe('B9: rules of a running hub', () => {
  test('are exchanged whole, and what changed is told', async () => {
    const { book, lie, puts } = bookOf(rule('a'), rule('b'), rule('c'))
    lie(rule('b'), rule('c', 'ack: received\n'), rule('d'))
    assert.deepEqual(await book.reload(), { rules: 3, added: ['d'], changed: ['c'], removed: ['a'] })
    assert.deepEqual(
      puts.map(({ rules }) => rules.map(({ name }) => name)),
      [['b', 'c', 'd']],
    )
    assert.equal(book.rules, puts[0])
  })

  test('stay as they are when one file of the next set has a fault, and every fault is told', async () => {
    const { book, lie, puts } = bookOf(rule('a'))
    const before = book.rules
    lie(rule('a', 'ack: received\n'), rule('b', 'ack: soon\n'), rule('c', 'where: payload +\n'))
    await assert.rejects(book.reload(), ({ message, detail }: Error & { detail: { faults: unknown[] } }) => {
      assert.match(message, /rules\/b\.yaml:2:6.*\n.*rules\/c\.yaml:2/)
      assert.equal(detail.faults.length, 2)
      return true
    })
    assert.equal(book.rules, before)
    assert.equal(puts.length, 0)
    lie(rule('a', 'ack: received\n'))
    assert.deepEqual((await book.reload()).changed, ['a'])
  })

  test('stay when the folders themselves cannot be read', async () => {
    const { book, folder, puts } = bookOf(rule('a'))
    const fault = { file: 'schemas', line: 1, column: 1, code: 'E301', message: 'permission denied' } as const
    folder.now = { ...folder.now, faults: [fault] }
    await assert.rejects(book.reload(), { code: 'E301', message: /permission denied/ })
    assert.equal(puts.length, 0)
  })

  test('keep their counts, and those that go leave theirs in the ledger until they come back', async () => {
    const { book, lie } = bookOf(rule('a'), rule('b'))
    for (const { counters } of book.rules.rules) counters.received = counters.filtered = 7
    const counts = () => Object.fromEntries(book.counted().map(({ name, counters }) => [name, counters.received]))
    lie(rule('a', 'ack: received\n'))
    await book.reload()
    assert.deepEqual(counts(), { a: 7, b: 7 })
    lie(rule('b'), rule('c'))
    await book.reload()
    assert.deepEqual(counts(), { a: 7, b: 7, c: 0 })
    assert.equal(book.rules.rules.find(({ name }) => name === 'b')!.counters.received, 7)
  })

  test('are exchanged one after the other, however many ask at once', async () => {
    const { book, lie, puts } = bookOf(rule('a'))
    lie(rule('b'))
    const [first, second] = await Promise.all([book.reload(), book.reload()])
    assert.deepEqual([first.added, second.added], [['b'], []])
    assert.equal(puts.length, 2)
  })
})
