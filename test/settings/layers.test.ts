import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readDocument } from '../../src/document/yaml.ts'
import { environmentOverrides, flagOverrides, LayeredDocument, readText } from '../../src/settings/layers.ts'

const schema = {
  properties: {
    data: { type: 'string' },
    api: { properties: { port: { type: 'integer' }, open: { type: 'boolean' } } },
    'my-list': { type: 'array' },
  },
}

describe('overrides', () => {
  it('are read from the variables that name a setting, and from no others', () => {
    const env = { TRESTLE_API_PORT: '5', TRESTLE_MY_LIST: '[1, two]', TRESTLE_OTHER: 'x', DATA: 'y', TRESTLE_DATA: '' }
    assert.deepEqual(environmentOverrides(schema, env), [
      { path: ['api', 'port'], value: 5, origin: 'environment TRESTLE_API_PORT' },
      { path: ['my-list'], value: [1, 'two'], origin: 'environment TRESTLE_MY_LIST' },
    ])
  })

  it('are read from flags, absent ones left out', () => {
    assert.deepEqual(flagOverrides(schema, { 'api.open': 'false', data: undefined }), [
      { path: ['api', 'open'], value: false, origin: 'option api.open' },
    ])
  })

  it('stay text where they do not look like what is wanted', () => {
    assert.equal(readText('five', { type: 'integer' }), 'five')
    assert.equal(readText('yes', { type: 'boolean' }), 'yes')
    assert.equal(readText('[1', { type: 'array' }), '[1')
    assert.equal(readText('5', { type: 'string' }), '5')
  })
})

describe('a document with layers', () => {
  const { document } = readDocument('f.yaml', 'data: x\napi:\n  port: 1\n')

  it('has the topmost value and its origin, and leaves what lies below as it was', () => {
    const layered = new LayeredDocument(document, [
      { path: ['api', 'port'], value: 2, origin: 'environment A' },
      { path: ['api', 'port'], value: 3, origin: 'option B' },
      { path: ['new', 'deep'], value: 4, origin: 'option C' },
    ])
    assert.deepEqual(layered.value, { data: 'x', api: { port: 3 }, new: { deep: 4 } })
    assert.deepEqual(document.value, { data: 'x', api: { port: 1 } })
    assert.deepEqual(layered.at(['api', 'port']), { file: 'option B', line: 1, column: 1 })
    assert.deepEqual(layered.at(['data']), { line: 1, column: 7 })
    assert.deepEqual(layered.keyAt(['new', 'deep', 'er']), { file: 'option C', line: 1, column: 1 })
  })

  it('does not reach a prototype by way of a flag', () => {
    const layered = new LayeredDocument(document, [{ path: ['__proto__', 'evil'], value: true, origin: 'option' }])
    assert.equal(({} as { evil?: boolean }).evil, undefined)
    assert.ok(Object.hasOwn(layered.value as object, '__proto__'))
  })
})
