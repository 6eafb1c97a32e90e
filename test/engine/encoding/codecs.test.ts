import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encode as encodeMessagePack } from '@msgpack/msgpack'
import { encode as encodeCbor } from 'cborg'
import fc from 'fast-check'
import { cbor } from '../../../src/engine/encoding/cbor.ts'
import type { Codec } from '../../../src/engine/encoding/codec.ts'
import { type CsvForm, csvCodec } from '../../../src/engine/encoding/csv.ts'
import { messagePack } from '../../../src/engine/encoding/message-pack.ts'
import { Timestamp } from '../../../src/engine/expression/value.ts'

const binary: readonly [name: string, codec: Codec][] = [
  ['MessagePack', messagePack],
  ['CBOR', cbor],
]

const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(' ', ''), 'hex')

for (const [name, codec] of binary) {
  describe(name, () => {
    it('gives back what was written, bytes and large integers included', () => {
      const value = { a: [1, -2, 1.5, null, true, 'ø'], b: new Uint8Array([0, 255]), c: 2n ** 60n, d: { e: {} } }
      const read = codec.decode(codec.encode(value)) as typeof value
      assert.deepEqual({ ...read, b: new Uint8Array(read.b) }, value)
    })

    it('gives back any JSON data', () => {
      const data = fc.jsonValue({ maxDepth: 4 }).filter((value) => !JSON.stringify(value).includes('"__proto__"'))
      fc.assert(
        fc.property(data, (value) => {
          const plain = JSON.parse(JSON.stringify(value))
          assert.deepEqual(codec.decode(codec.encode(plain)), plain)
        }),
        { numRuns: 300, seed: 7 },
      )
    })

    it('throws an Error a person can read at any other bytes, and harms nobody', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
          try {
            codec.decode(bytes)
          } catch (thrown) {
            assert.ok(thrown instanceof Error && thrown.message !== '')
          }
        }),
        { numRuns: 2000, seed: 7 },
      )
    })

    it('keeps integers as numbers while they are exact', () => {
      assert.equal(codec.decode(codec.encode(2n ** 52n)), 2 ** 52)
      assert.equal(codec.decode(codec.encode(2n ** 53n)), 2n ** 53n)
    })

    it('keeps unsigned integers of 64 bits', () => {
      const unsigned = name === 'CBOR' ? hex('1b ffffffffffffffff') : hex('cf ffffffffffffffff')
      assert.equal(codec.decode(unsigned), 2n ** 64n - 1n)
    })

    it('does not let a field name reach a prototype', () => {
      const field = name === 'CBOR' ? 'a1 69 5f5f70726f746f5f5f a1 61 78 01' : '81 a9 5f5f70726f746f5f5f 81 a1 78 01'
      try {
        codec.decode(hex(field))
      } catch (thrown) {
        assert.match((thrown as Error).message, /__proto__/)
      }
      assert.equal(({} as { x?: unknown }).x, undefined)
    })

    it('is quick about lengths that are not there and nesting that never ends', () => {
      const bombs =
        name === 'CBOR'
          ? ['9b 00000000ffffffff', 'bb 00000000ffffffff', '5b 00000000ffffffff', '81'.repeat(100_000)]
          : ['dd ffffffff', 'df ffffffff', 'c6 ffffffff', '91'.repeat(100_000)]
      for (const bomb of bombs) {
        const bytes = hex(bomb)
        const times = [1, 2, 3, 4, 5].map(() => {
          const start = performance.now()
          assert.throws(() => codec.decode(bytes))
          return performance.now() - start
        })
        assert.ok(Math.min(...times) < 50, `${bomb.slice(0, 20)} takes ${Math.min(...times)} ms`)
      }
    })
  })
}

describe('MessagePack times', () => {
  it('are read in all three lengths', () => {
    const at = (bytes: string) => messagePack.decode(hex(bytes))
    assert.deepEqual(at('d6 ff 00000001'), new Timestamp(1000))
    assert.deepEqual(at('d7 ff 0000000400000001'), new Timestamp(1000, 1))
    assert.deepEqual(at('c7 0c ff 00000001 ffffffffffffffff'), new Timestamp(-1000, 1))
    assert.deepEqual(messagePack.decode(encodeMessagePack(new Date(1500))), new Timestamp(1500))
  })

  it('beyond the year 9999 are refused', () => {
    assert.throws(() => messagePack.decode(hex('c7 0c ff 00000000 7fffffffffffffff')), /out of range/)
  })
})

describe('CBOR tags', () => {
  it('of times, large integers and CBOR itself are read; others are refused', () => {
    const text = Buffer.from(encodeCbor('2026-01-02T00:00:00Z')).toString('hex')
    assert.deepEqual(cbor.decode(hex(`c0 ${text}`)), new Timestamp(Date.UTC(2026, 0, 2)))
    assert.deepEqual(cbor.decode(hex('c1 1a 00000001')), new Timestamp(1000))
    assert.equal(cbor.decode(hex('c2 48 0020000000000001')), 2n ** 53n + 1n)
    assert.equal(cbor.decode(hex('c3 41 00')), -1)
    assert.equal(cbor.decode(hex('d9 d9f7 01')), 1)
    assert.throws(() => cbor.decode(hex('d8 2a 01')), /tag not supported/)
    assert.throws(() => cbor.decode(hex('c2 49 010000000000000000')), /does not fit 64 bits/)
    assert.throws(() => cbor.decode(hex('3b ffffffffffffffff')), /does not fit 64 bits/)
  })
})

describe('CSV', () => {
  const form = (more: Partial<CsvForm>): CsvForm => ({
    columns: null,
    delimiter: ',',
    header: false,
    lines: 'many',
    ...more,
  })
  const read = (text: string, more: Partial<CsvForm> = {}): unknown => csvCodec(form(more)).decode(Buffer.from(text))
  const written = (value: unknown, more: Partial<CsvForm> = {}): string =>
    Buffer.from(csvCodec(form(more)).encode(value)).toString()
  const columns = new Map([
    ['at', 'text'],
    ['c', 'number'],
    ['ok', 'bool'],
    ['n', 'int'],
  ] as const)

  it('takes the names from the first line when none are said', () => {
    assert.deepEqual(read('a,b\n1,"x,""y"""\r\n2,z\n'), [
      { a: '1', b: 'x,"y"' },
      { a: '2', b: 'z' },
    ])
  })

  it('gives columns the types they are said to have; an empty cell is null', () => {
    assert.deepEqual(read('t0;1.5;true;7\nt1;;0;12345678901234567\n', { columns, delimiter: ';' }), [
      { at: 't0', c: 1.5, ok: true, n: 7 },
      { at: 't1', c: null, ok: false, n: 12345678901234567n },
    ])
  })

  it('gives the one line as an object', () => {
    assert.deepEqual(read('t0,1,1,1', { columns, lines: 'one' }), { at: 't0', c: 1, ok: true, n: 1 })
    assert.throws(() => read('t0,1,1,1\nt1,1,1,1', { columns, lines: 'one' }), /it has 2 lines, not one/)
  })

  const faults: [text: string, more: Partial<CsvForm>, expected: RegExp][] = [
    ['t0,hot,1,1', { columns }, /c in line 1 must be number, and is "hot"/],
    ['t0,1,1', { columns }, /line 1 has 3 cells, and there are 4 columns/],
    ['a,b\n1', {}, /line 2 has 1 cells, and there are 2 columns/],
    ['a,a\n1,2', {}, /two columns share a name/],
    ['x,c,ok,n\nt0,1,1,1', { columns, header: true }, /first line must name the columns at, c, ok, n/],
    ['a\n"open', {}, /a quote is not closed in line 2/],
    [`a\n${'1\n'.repeat(10_001)}`, {}, /more than 10000 lines/],
  ]
  for (const [text, more, expected] of faults) {
    it(`refuses ${JSON.stringify(text.slice(0, 30))}`, () => assert.throws(() => read(text, more), expected))
  }

  it('keeps hostile names as data', () => {
    const [row] = read('__proto__,constructor\n1,2') as [object]
    assert.deepEqual(Object.entries(row), [
      ['__proto__', '1'],
      ['constructor', '2'],
    ])
  })

  it('is written with quotes where they are needed, missing values as empty cells', () => {
    assert.equal(written({ a: 1, b: 'x,y', c: 'q"q', d: null, e: true }), '1,"x,y","q""q",,true\n')
    const rows = [{ c: 1.5, at: 't' }, { n: 2n ** 60n }]
    assert.equal(written(rows, { columns, header: true }), 'at,c,ok,n\nt,1.5,,\n,,,1152921504606846976\n')
    assert.throws(() => written({ a: {} }), /object cannot be a cell/)
    assert.throws(() => written(5), /a line is made of an object, not of number/)
  })
})
