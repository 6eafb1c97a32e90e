import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { loadRegistry } from '../../src/registry/files.ts'
import { frameOf } from '../../src/registry/wire-format.ts'

/** A registry of these files, and its faults with paths below the folder. */
function load(files: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), 'trestle-schemas-'))
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), text)
    }
    const { registry, faults } = loadRegistry(folder)
    const short = faults.map(({ file, line, column, code, message }) => {
      return `${file.slice(folder.length + 1)}:${line}:${column} ${code} ${message.replaceAll(`${folder}/`, '')}`
    })
    return { registry, faults: short }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('B5: names and frames', () => {
  const { registry } = load({
    'plain/1.json': '{ "type": "number" }',
    'other/1.json': '{ "type": "number" }',
    'a/1.avsc': '"long"',
    'p/1.proto':
      'syntax = "proto3"; package plant; message Reading { message Part { int32 n = 1; } int32 n = 1; } message Alarm { string text = 1; }',
  })

  it('lead to a message of a Protobuf file', () => {
    assert.equal(registry.resolve('p')?.format, 'protobuf')
    assert.deepEqual([...registry.resolve('p')!.frame.subarray(5)], [0])
    assert.deepEqual([...registry.resolve('p#plant.Reading')!.frame.subarray(5)], [0])
    assert.deepEqual([...registry.resolve('p@1#plant.Alarm')!.frame.subarray(5)], [2, 2])
    assert.deepEqual([...registry.resolve('p#plant.Reading.Part')!.frame.subarray(5)], [4, 0, 0])
    assert.equal(registry.resolve('p#plant.Nothing'), null)
    assert.equal(registry.resolve('plain#Reading'), null)
  })

  it('are read back: id, message, and where the payload begins', () => {
    for (const name of ['plain', 'a', 'p', 'p#plant.Alarm', 'p#plant.Reading.Part']) {
      const schema = registry.resolve(name)!
      const read = registry.unframe(Buffer.concat([schema.frame, Buffer.from('xyz')]))
      assert.equal(read?.schema.id, schema.id, name)
      assert.equal(read?.offset, schema.frame.length, name)
      if (schema.subject !== 'plain') assert.equal(read?.schema, schema, name)
      assert.equal(registry.ofHeader(schema.header)?.id, schema.id, name)
      assert.equal(registry.ofHeader(schema.frame)?.id, schema.id, name)
    }
  })

  it('are refused when they are cut short, or of nothing', () => {
    const frames = [[], [0], [1, 0, 0, 0, 1], [0, 0, 0, 0, 0], [123, 34, 97, 34, 58]].map((bytes) => Buffer.from(bytes))
    for (const bytes of frames) assert.equal(registry.unframe(bytes), null, bytes.toString('hex'))
    assert.equal(registry.ofHeader(Buffer.alloc(17, 1)), null)
    assert.equal(registry.ofHeader(Buffer.alloc(3, 1)), null)
  })

  it('without indexes of Protobuf, or with such as lead to no message, are of the first message', () => {
    const first = registry.resolve('p')!
    const indexes = [[], [2], [2, 20], [3], [0x80], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [2, 1], [200, 1]]
    for (const each of indexes) {
      const read = registry.unframe(Buffer.concat([frameOf(first.id), Buffer.from(each)]))
      assert.deepEqual([read?.schema, read?.offset], [first, 5], each.join())
    }
    const bare = first.encode({ n: 7 })!
    assert.equal(registry.unframe(Buffer.concat([frameOf(first.id), bare]))?.offset, 5)
  })

  it('share an id where the schema is the same', () => {
    assert.equal(registry.resolve('plain')?.id, registry.resolve('other')?.id)
    assert.equal(registry.resolve('plain')?.guid, registry.resolve('other')?.guid)
  })
})
