import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { formats } from '../../src/registry/formats/formats.ts'
import { draftJsonSchema, nothingSeen, see } from '../../src/registry/infer.ts'
import { draftAvro } from '../../src/registry/infer-avro.ts'
import type { SchemaBody } from '../../src/registry/schema.ts'

const seenOf = (samples: readonly unknown[]) => {
  const seen = nothingSeen()
  for (const sample of samples) see(seen, sample)
  return seen
}

const draftOf = (samples: readonly unknown[]): Record<string, unknown> => {
  const { $schema: _schema, ...draft } = draftJsonSchema(seenOf(samples), { closed: false })
  return draft
}

const compiled = (format: 'json-schema' | 'avro', schema: unknown): SchemaBody => {
  const body = formats.get(format)!.compile(JSON.stringify(schema), [])
  assert.ok(!Array.isArray(body), JSON.stringify(body))
  return body
}

describe('a draft from samples', () => {
  it('requires what every sample has, and joins the kinds a field was seen as', () => {
    assert.deepEqual(draftOf([{ a: 1, b: 'x' }, { a: 2.5 }, { a: null, c: [1, 'two'] }]), {
      type: 'object',
      properties: {
        a: { type: ['null', 'number'] },
        b: { type: 'string' },
        c: { type: 'array', items: { type: ['integer', 'string'] } },
      },
      required: ['a'],
    })
  })

  it('knows times, dates, UUIDs and few words that come again and again', () => {
    const sample = (at: number) => ({
      at: `2026-11-20T10:00:0${at % 10}.5+01:00`,
      day: '2026-11-20',
      id: '0f0e0d0c-0b0a-4908-8706-050403020100',
      quality: at % 2 === 0 ? 'good' : 'bad',
      note: `note ${at}`,
    })
    const { properties } = draftOf(Array.from({ length: 20 }, (_, at) => sample(at))) as { properties: object }
    assert.deepEqual(properties, {
      at: { type: 'string', format: 'date-time' },
      day: { type: 'string', format: 'date' },
      id: { type: 'string', format: 'uuid' },
      quality: { type: 'string', enum: ['bad', 'good'] },
      note: { type: 'string' },
    })
  })

  it('may be closed', () => {
    const draft = draftJsonSchema(seenOf([{ a: { b: 1 } }]), { closed: true })
    assert.equal(compiled('json-schema', draft).check({ a: { b: 1, c: 2 } })?.path, '/a/c')
  })

  it('takes every sample it was drafted from', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue({ maxDepth: 4 }), { minLength: 1, maxLength: 12 }), (samples) => {
        const body = compiled('json-schema', draftJsonSchema(seenOf(samples), { closed: true }))
        for (const sample of samples) assert.equal(body.check(sample), null, JSON.stringify(sample))
      }),
      { numRuns: 60 },
    )
  })

  it('as Avro takes every sample it was drafted from, too', () => {
    const samples = [
      { n: 1, s: 'x', inner: { n: 1 }, list: [{ n: 1 }, { n: 2, m: true }] },
      { n: 2, inner: null, list: [], big: 1e20 },
      { n: 3, mixed: 'x' },
      { n: 4, mixed: 4.5 },
    ]
    const body = compiled('avro', draftAvro(seenOf(samples), 'line-3 reading'))
    for (const sample of samples) {
      const bytes = body.encode(sample)
      assert.notEqual(bytes, null, `${JSON.stringify(sample)}: ${JSON.stringify(body.fault)}`)
    }
  })

  it('as Avro tells a field that Avro has no word for', () => {
    assert.throws(() => draftAvro(seenOf([{ 'a-b': 1 }]), 'x'), { code: 'E302', message: /no field "a-b"/ })
    assert.throws(() => draftAvro(seenOf([1]), 'x'), { code: 'E302' })
  })

  it('is bounded: of a hundred thousand fields, a map', () => {
    const wide = Object.fromEntries(Array.from({ length: 100_000 }, (_, at) => [`f${at}`, at]))
    assert.deepEqual(draftOf([wide]), { type: 'object' })
    let deep: unknown = 1
    for (let at = 0; at < 5000; at++) deep = { deep }
    assert.ok(JSON.stringify(draftOf([deep])).length < 10_000)
  })
})
