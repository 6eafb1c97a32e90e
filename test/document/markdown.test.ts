import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { markdownTable, printTable } from '../../src/document/markdown.ts'

const rows = (schema: object, options?: Parameters<typeof printTable>[1]) =>
  printTable(schema as never, options)
    .trimEnd()
    .split('\n')
    .slice(2)

describe('a schema as a table', () => {
  it('has a row for each field, with its type, default, meaning and example', () => {
    const schema = {
      required: ['name'],
      properties: {
        name: { type: 'string', description: 'Its name.', examples: ['a', 'b'] },
        size: { anyOf: [], quantity: 'bytes', default: '64 MB', description: 'How large.' },
        level: { enum: ['low', 'high'], default: 'low', description: 'How high.' },
        password: { type: 'string', secret: true, description: 'The word.' },
        where: { type: 'string', format: 'path', description: 'Where.' },
        brokers: { type: 'array', items: { type: 'string' }, description: 'Who.', examples: [['x:1']] },
        tries: { type: ['integer', 'null'], minimum: 2, maximum: 5, description: 'How often.' },
        either: { anyOf: [{ type: 'boolean' }, { type: 'string' }], description: 'Either.' },
      },
    }
    assert.deepEqual(rows(schema), [
      '| `name` | string | **required** | Its name. | `a`, `b` |',
      '| `size` | size (bytes) | `64 MB` | How large. |  |',
      '| `level` | `low`, `high` | `low` | How high. |  |',
      '| `password` | string | – | The word. **Secret.** |  |',
      '| `where` | path | – | Where. |  |',
      '| `brokers` | list of strings | – | Who. | `["x:1"]` |',
      '| `tries` | integer or null | – | How often. (2 to 5) |  |',
      '| `either` | boolean or string | – | Either. |  |',
    ])
  })

  it('has the fields of maps, of entries of lists and of alternatives below their parent, each once', () => {
    const inner = { type: 'object', properties: { x: { type: 'integer', description: 'X.' } } }
    const schema = {
      properties: {
        map: { ...inner, description: 'M.', default: {} },
        list: { type: 'array', items: inner, description: 'L.' },
        union: { anyOf: [inner, inner], description: 'U.' },
      },
    }
    assert.deepEqual(
      rows(schema, { prefix: 'a' }).map((row) => row.split('|')[1]!.trim()),
      ['`a.map`', '`a.map.x`', '`a.list`', '`a.list[].x`', '`a.union`', '`a.union.x`'],
    )
    assert.equal(rows(schema, { prefix: 'a', without: ['a.map'] }).length, 5)
  })

  it('says so when there are no fields', () => assert.equal(printTable({}), '*No fields.*\n'))

  it('is not broken by what is in its cells', () => {
    assert.equal(markdownTable(['h'], [['a|b\nc']]), '| h |\n| --- |\n| a\\|b c |\n')
  })
})
