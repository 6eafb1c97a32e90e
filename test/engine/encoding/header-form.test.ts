import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Verdict } from '../../../src/broker/port.ts'
import { readHeaders } from '../../../src/contract/headers.ts'
import type { Schemas } from '../../../src/engine/port.ts'
import { Flow } from '../../../src/flow.ts'
import type { Schema } from '../../../src/registry/schema.ts'
import { jsonOf, message, run } from '../rules.ts'
import { registryOfFiles, rulesWith } from '../schemas.ts'

const fields = [{ name: 'n', type: 'long' }]
const registry = registryOfFiles({
  'reading/1.avsc': { type: 'record', name: 'Reading', fields },
  'same/1.avsc': { type: 'record', name: 'Reading', fields },
  'alarm/1.proto':
    'syntax = "proto3"; package plant; message Reading { int32 n = 1; } message Alarm { string text = 1; }',
})
const rule = (more = ''): Record<string, string> => ({
  r: `from: a\ndecode: confluent\n${more}payload: payload\nto: [{ sink: lake }]\n`,
})
/** Headers of a Kafka record as the source hands them on. */
const headersOf = (value: Uint8Array) => readHeaders([['__value_schema_id', value]], 0).properties

const schemaOf = (name: string): Schema => registry.resolve(name) as Schema

const decoded = (name: string, value: object, header: 'frame' | 'header'): unknown => {
  const schema = schemaOf(name)
  const bare = schema.encode(value)!
  const given = message(bare, { topic: 'a', properties: headersOf(schema[header]) })
  const { owed, refusal } = run(rulesWith(registry, rule()), given)
  return refusal?.error.message ?? jsonOf(owed[0]!.payload)
}

describe('B5: a payload whose schema stands in a header', () => {
  it('is decoded by the id or the GUID in it, and by its message indexes', () => {
    for (const header of ['frame', 'header'] as const) {
      assert.deepEqual(decoded('reading', { n: 7 }, header), { n: 7 })
      assert.deepEqual(decoded('alarm#plant.Alarm', { text: 'hot' }, header), { text: 'hot' })
    }
  })

  it('is refused when the header names nothing', () => {
    const { encode } = schemaOf('reading')
    const bytes = encode.call(schemaOf('reading'), { n: 7 })!
    const why = (header: Uint8Array) =>
      run(rulesWith(registry, rule()), message(bytes, { topic: 'a', properties: headersOf(header) })).refusal?.error
    assert.equal(
      why(Buffer.from([0, 0, 0, 0, 9]))?.message,
      'payload names schema id 9, which the registry does not know',
    )
    assert.match(why(Buffer.alloc(17, 1))?.message ?? '', /the header names a schema that the registry does not know/)
    assert.equal(why(Buffer.from('plain'))?.code, 'E402')
  })

  it('of an id that several subjects have is taken for that of the rule’s own', () => {
    const schema = schemaOf('same')
    assert.equal(schema.id, schemaOf('reading').id)
    for (const subject of ['same', 'reading']) {
      const bytes = Buffer.concat([schema.frame, schema.encode({ n: 7 })!])
      const { refusal } = run(rulesWith(registry, rule(`schema: ${subject}\n`)), message(bytes, { topic: 'a' }))
      assert.equal(refusal, null, subject)
    }
  })
})

describe('B5: a payload whose schema is still being asked for', () => {
  it('is neither taken nor refused: who sent it hears to try again, whatever the rule does with refused ones', () => {
    for (const action of ['dead-letter', 'drop']) {
      let known = false
      const waiting: Schemas = {
        resolve: (name) => registry.resolve(name),
        list: () => registry.list(),
        unframe: (bytes) => (known ? registry.unframe(bytes) : null),
        awaits: () => true,
      }
      const appended: number[] = []
      const flow = new Flow(rulesWith(waiting, rule(`on_refused: ${action}\n`)), {
        append: (_message, owed) => appended.push(owed.length),
        error: null,
      })
      const schema = schemaOf('reading')
      const given = message(Buffer.concat([schema.frame, schema.encode({ n: 7 })!]), { topic: 'a' })
      const waiter = { settle: () => undefined }
      assert.equal(flow.take(given, flow.lookup('a')!, waiter, 0), Verdict.Busy)
      assert.deepEqual([flow.error?.code, flow.error?.retry], ['E409', 'later'])
      known = true
      assert.equal(flow.take(given, flow.lookup('a')!, waiter, 0), Verdict.Pending)
      assert.deepEqual(appended, [1])
    }
  })
})
