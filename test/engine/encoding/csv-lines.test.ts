import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { CsvError, csvLines } from '../../../src/engine/encoding/csv-lines.ts'

const cellsOf = (text: string, delimiter = ','): string[][] =>
  [...csvLines(text, delimiter)].map(({ cells }) => [...cells])

/** Another implementation's reading; null when it is a fault there. */
function oracle(text: string): string[][] | null {
  const options = {
    record_delimiter: ['\r\n', '\n', '\r'],
    skip_empty_lines: true,
    relax_column_count: true,
    bom: true,
  }
  try {
    return parse(text, options) as string[][]
  } catch {
    // What it refuses is not compared.
    return null
  }
}

describe('lines of CSV', () => {
  it('are read as another implementation reads them', () => {
    const piece = fc.constantFrom(
      'a',
      'b c',
      ',',
      ',',
      '\n',
      '\r\n',
      '\r',
      '"x"',
      '"x ""y"""',
      '"\n"',
      '""',
      'ø',
      '1.5',
    )
    let compared = 0
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('')
        const expected = oracle(text)
        if (expected === null) return
        compared++
        assert.deepEqual(cellsOf(text), expected)
      }),
      { numRuns: 5000, seed: 5 },
    )
    assert.ok(compared > 2000, `${compared} texts were compared`)
  })

  it('know where they begin', () => {
    const lines = [...csvLines('\ufeffa,b\n\n"x\r\ny",1\r\nz,2', ',')]
    assert.deepEqual(lines, [
      { cells: ['a', 'b'], line: 1 },
      { cells: ['x\r\ny', '1'], line: 3 },
      { cells: ['z', '2'], line: 5 },
    ])
  })

  it('with broken quotes are refused, with the line', () => {
    assert.throws(() => cellsOf('a\n"b'), /a quote is not closed in line 2/)
    assert.throws(() => cellsOf('a\n\n"b"c'), /something stands behind a closing quote in line 3/)
  })

  it('are read in time that grows with the text', () => {
    for (const text of ['"'.repeat(100_000), ',"'.repeat(50_000), '\r'.repeat(100_000), '""'.repeat(50_000)]) {
      const start = performance.now()
      try {
        cellsOf(text)
      } catch (thrown) {
        // Refused or read, but soon.
        assert.ok(thrown instanceof CsvError)
      }
      assert.ok(performance.now() - start < 2000)
    }
  })
})
