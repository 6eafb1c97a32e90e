import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { SchemaTrial } from '../../src/hub/schema-trial.ts'

const json = (schema: object) => ({ format: 'json-schema', text: JSON.stringify(schema), referenced: [] }) as const
const many = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at))

describe('B2: a schema of strangers', () => {
  const trial = new SchemaTrial()
  after(() => trial.close())

  test('is compiled beside the hub first: one that takes too long is refused, and the hub goes on meanwhile', async () => {
    const heavy = json({
      patternProperties: Object.fromEntries(many(6000, (at) => [`^(a|b)*(c|d|e)+${at}$`, { type: 'string' }])),
    })
    let longestMs = 0
    let lastMs = performance.now()
    const pulse = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - lastMs)
      lastMs = performance.now()
    }, 5)
    const started = performance.now()
    await assert.rejects(trial.try(heavy), { code: 'E302', message: /takes too (long|much memory) to compile/ })
    clearInterval(pulse)
    assert.ok(performance.now() - started < 30_000)
    assert.ok(longestMs < 1000, `the hub stood still for ${longestMs} ms`)
  })

  test('that is sound passes, and so does one that another one behind a refused one is', async () => {
    const fields = Object.fromEntries(many(60, (at) => [`field${at}`, { type: 'number' }]))
    await Promise.all(many(5, () => trial.try(json({ type: 'object', properties: fields }))))
  })

  test('that is not valid passes too: what is wrong with it is told by who compiles it', async () => {
    await trial.try(json({ type: 'objekt', description: 'x'.repeat(600) }))
    await trial.try(json({}))
  })
})
