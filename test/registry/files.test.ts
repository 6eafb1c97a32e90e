import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { loadRegistry } from '../../src/registry/files.ts'

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

const referring = '{ "properties": { "n": { "$ref": "number.json" } } }'
const refers = (subject: string, version: number) =>
  `versions:\n  1:\n    references:\n      - { name: number.json, subject: ${subject}, version: ${version} }\n`

describe('B4: schemas in files', () => {
  it('refer to one another as subject.yaml says', () => {
    const { registry, faults } = load({
      'number/1.json': '{ "type": "number" }',
      'reading/1.json': referring,
      'reading/subject.yaml': refers('number', 1),
    })
    assert.deepEqual(faults, [])
    const reading = registry.resolve('reading')
    assert.deepEqual(reading?.references, [{ name: 'number.json', subject: 'number', version: 1 }])
    assert.equal(reading?.check({ n: 1 }), null)
    assert.equal(reading?.check({ n: 'x' })?.path, '/n')
  })

  it('tell a reference that leads nowhere or in a circle, and what depends on it is not loaded', () => {
    const { registry, faults } = load({
      'a/1.json': referring,
      'a/subject.yaml': refers('b', 1),
      'b/1.json': referring,
      'b/subject.yaml': refers('a', 1),
      'c/1.json': referring,
      'c/subject.yaml': refers('number', 2),
      'number/1.json': '{}',
    })
    assert.deepEqual(faults, [
      'b/subject.yaml:4:9 E302 a@1 refers back to b@1',
      'c/subject.yaml:4:9 E302 there is no schema number@2',
    ])
    assert.deepEqual(registry.names(), ['number'])
  })

  it('may have the ids they have elsewhere, and never two the same', () => {
    const { registry, faults } = load({
      'a/1.json': '{ "type": "number" }',
      'a/2.json': '{ "type": ["number", "string"] }',
      'a/subject.yaml':
        'versions:\n  1: { id: 17 }\n  2:\n    id: 17\n    metadata: { properties: { owner: lines } }\n',
    })
    assert.equal(registry.resolve('a@1')?.id, 17)
    assert.deepEqual(faults, [
      'a/subject.yaml:4:9 E302 its id 17 is that of a/1.json; give it another under `versions` in subject.yaml',
    ])
  })

  it('are held against the earlier versions at the subject’s level, else at the configuration’s', () => {
    const narrower = {
      'a/1.json': '{ "type": ["number", "string"] }',
      'a/2.json': '{ "type": "number" }',
    }
    assert.deepEqual(load({ ...narrower, 'a/subject.yaml': 'compatibility: none' }).faults, [])
    assert.deepEqual(load({ ...narrower, 'a/subject.yaml': 'compatibility: forward' }).faults, [])
    const [fault] = load(narrower).faults
    assert.match(fault ?? '', /^a\/2\.json:1:1 E304 version 2 of a is not backward compatible with version 1: /)
  })

  it('do not take the place of what is built in', () => {
    assert.deepEqual(load({ 'sparkplug-b/1.json': '{}' }).faults, [
      'sparkplug-b:1:1 E301 the subject sparkplug-b is built in',
    ])
  })

  it('tell what is wrong with a subject.yaml', () => {
    const { faults } = load({
      'a/1.json': '{}',
      'a/subject.yaml': 'compatibility: bakward\nversions:\n  2: { id: 0 }\n  one: {}\nnote: x\n',
      'b/1.json': '{}',
      'b/subject.yaml': 'versions: { 4: {} }',
      'c/subject.yaml': 'a: [',
    })
    assert.deepEqual(
      faults.map((fault) => fault.replace(/( E\d+) .*/, '$1')),
      [
        'a/subject.yaml:1:16 E302',
        'a/subject.yaml:3:12 E302',
        'a/subject.yaml:4:3 E302',
        'a/subject.yaml:5:1 E302',
        'b/subject.yaml:1:16 E301',
        'c/subject.yaml:1:5 E102',
      ],
    )
  })

  it('hold one language per version, and any language per subject at level none', () => {
    const { registry, faults } = load({
      'a/1.json': '{ "type": "number" }',
      'a/2.avsc': '"long"',
      'a/subject.yaml': 'compatibility: none',
      'b/1.json': '{}',
      'b/1.avsc': '"int"',
    })
    assert.deepEqual(faults, ['b/1.json:1:1 E301 version 1 is in b/1.avsc already'])
    assert.equal(registry.resolve('a')?.format, 'avro')
    assert.equal(registry.resolve('a@1')?.format, 'json-schema')
  })
})
