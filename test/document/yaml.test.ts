import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DocumentPath } from '../../src/document/source-document.ts'
import { readDocument } from '../../src/document/yaml.ts'

const place = (text: string, path: DocumentPath, offset?: number) => {
  const { line, column } = readDocument('f.yaml', text).document.at(path, offset)
  return `${line}:${column}`
}
const faultsOf = (text: string) => {
  const { faults } = readDocument('f.yaml', text)
  return faults.map((fault) => `${fault.line}:${fault.column} ${fault.code} ${fault.message}`)
}

describe('reading a document', () => {
  it('gives plain values and their places', () => {
    const text = 'listeners:\n  - { type: tcp, address: 127.0.0.1:1883 }\ndata: ./data\nno: no\n'
    const { document, faults } = readDocument('f.yaml', text)
    assert.deepEqual(faults, [])
    assert.deepEqual(document.value, {
      listeners: [{ type: 'tcp', address: '127.0.0.1:1883' }],
      data: './data',
      no: 'no',
    })
    assert.deepEqual(document.at(['listeners', 0, 'address']), { line: 2, column: 27 })
    assert.deepEqual(document.keyAt(['listeners', 0, 'address']), { line: 2, column: 18 })
    assert.deepEqual(document.keyAt(['listeners', 0]), { line: 2, column: 5 })
    assert.deepEqual(document.at(['data']), { line: 3, column: 7 })
  })

  it('gives the nearest parent of a path that is absent, and the key of an empty value', () => {
    assert.equal(place('a:\n  b: 1\n', ['a', 'x', 'y']), '2:3')
    assert.equal(place('a: 1\nlake:\n', ['lake']), '2:1')
    assert.equal(place('', ['lake']), '1:1')
  })

  it('reads JSON, also with tabs', () => {
    const { document, faults } = readDocument('f.json', '{\n\t"a": [1, "x\\u0041"],\n\t"b": {"c": null}\n}\n')
    assert.deepEqual(faults, [])
    assert.deepEqual(document.value, { a: [1, 'xA'], b: { c: null } })
    assert.deepEqual(document.at(['b', 'c']), { line: 3, column: 13 })
  })

  it('reads an empty file as null', () => {
    assert.equal(readDocument('f.yaml', '# nothing\n').document.value, null)
  })

  it('follows aliases to their anchors, in values and places', () => {
    const text = 'base: &b\n  x: 1\nother: *b\n'
    assert.deepEqual(readDocument('f.yaml', text).document.value, { base: { x: 1 }, other: { x: 1 } })
    assert.equal(place(text, ['other', 'x']), '2:6')
    assert.equal(place(text, ['other']), '3:8')
  })
})

describe('faults of a document', () => {
  for (const [what, text, expected] of [
    ['a key that stands twice', 'a: 1\na: 2\n', '2:1 E102 this key stands twice in the same map'],
    ['two spellings of one key', '1: a\n"1": b\n', '2:1 E102 this key stands twice in the same map'],
    ['a tab as indentation', 'a:\n\tb: 2\n', '2:1 E102 tabs cannot be used to indent; use spaces'],
    ['a second document', 'a: 1\n---\nb: 2\n', '2:1 E102 only one document is read from a file; remove'],
    ['an alias without an anchor', 'a: *nope\n', '1:4 E102 alias `*nope` has no anchor before it'],
    ['an alias that contains itself', 'a: &a [1, *a]\n', '1:11 E102 alias `*a` contains itself'],
    ['a key that is a list', '? [x]\n: 1\n', '1:3 E102 a key must be a plain word or a quoted string'],
    ['a tag', 'a: !secret x\n', '1:4 E102 tags are not used here'],
    ['an unknown escape', 'a: "\\q"\n', '1:5 E102 invalid escape sequence \\q'],
  ] as const) {
    it(`tells of ${what} where it stands`, () => {
      const [first] = faultsOf(text)
      assert.ok(first?.startsWith(expected), `${first} should start with ${expected}`)
    })
  }

  it('tells of bad indentation with its line', () => {
    assert.match(faultsOf('a:\n  b: 1\n c: 2\n')[0]!, /^[23]:\d+ E102 indentation does not fit/)
  })

  it('bounds what aliases expand to', () => {
    const lines = ['a: &a [x,x,x,x,x,x,x,x,x,x]']
    for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh'].map((pair) => [...pair])) {
      lines.push(`${to}: &${to} [${Array(10).fill(`*${from}`).join(',')}]`)
    }
    const started = performance.now()
    assert.match(faultsOf(lines.join('\n'))[0]!, /aliases expand to more than/)
    assert.ok(performance.now() - started < 2000)
  })

  it('survives a hundred thousand open brackets', () => {
    assert.ok(faultsOf('['.repeat(100_000)).length > 0)
    assert.match(faultsOf(`${'['.repeat(300)}${']'.repeat(300)}`)[0]!, /nested/)
  })

  it('keeps a key __proto__ as a field of its own', () => {
    const value = readDocument('f.yaml', '__proto__: { admin: true }\n').document.value as Record<string, unknown>
    assert.equal(Object.getPrototypeOf(value), Object.prototype)
    assert.deepEqual(Object.keys(value), ['__proto__'])
    assert.equal(value['admin'], undefined)
  })
})

describe('the place of a character in a string', () => {
  for (const [what, text, offset, expected] of [
    ['plain', 'where: a > b', 4, '1:12'],
    ['plain over two lines', 'where: a >\n  b + c', 4, '2:3'],
    ['single quoted', "where: 'a > b'", 0, '1:9'],
    ['single quoted with a doubled quote', "where: 'a''b'", 2, '1:12'],
    ['double quoted with escapes', 'where: "\\x41\\n b"', 3, '1:16'],
    ['double quoted over lines', 'where: "a &&\n   b &&\\\n  c"', 5, '2:4'],
    ['literal block', 'where: |\n  a &&\n  b', 5, '3:3'],
    ['literal block, further indented', 'where: |\n  a &&\n     b', 8, '3:6'],
    ['literal block with indicator', 'where: |1\n   a\n b', 4, '3:2'],
    ['folded block', 'where: >-\n  a &&\n  b\n\n  c', 5, '3:3'],
    ['folded block, after an empty line', 'where: >-\n  a &&\n  b\n\n  c', 7, '5:3'],
    ['past the end', 'where: abc', 99, '1:11'],
    ['CRLF', 'where: |\r\n  a &&\r\n  b\r\n', 5, '3:3'],
    ['after an astral escape', 'where: "\\U0001F600b"', 2, '1:19'],
  ] as const) {
    it(`is found in a ${what} scalar`, () => {
      assert.equal(place(text, ['where'], offset), expected)
    })
  }
})
