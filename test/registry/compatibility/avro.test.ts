import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import avro from 'avsc'
import fc from 'fast-check'
import { differences } from '../../../src/registry/compatibility/compatibility.ts'
import { holdVerdicts, type Pair } from './verdict-table.ts'

type Avro = unknown

const record = (fields: readonly Avro[], more: object = {}): Avro => ({ type: 'record', name: 'R', fields, ...more })
const field = (name: string, type: Avro, more: object = {}): Avro => ({ name, type, ...more })
const colours = (symbols: readonly string[], more: object = {}): Avro => ({ type: 'enum', name: 'E', symbols, ...more })
const fixed = (size: number, more: object = {}): Avro => ({ type: 'fixed', name: 'F', size, ...more })
const array = (items: Avro): Avro => ({ type: 'array', items })
const map = (values: Avro): Avro => ({ type: 'map', values })

type Row = readonly [why: string, old: Avro, next: Avro, backward: string, forward: string]
const pairs = (rows: readonly Row[]): Pair[] =>
  rows.map(([why, old, next, backward, forward]) => ({
    why,
    old: JSON.stringify(old),
    next: JSON.stringify(next),
    backward,
    forward,
  }))

const missing = 'READER_FIELD_MISSING_DEFAULT_VALUE'
const a = field('a', 'string')

describe('B4: compatibility of Avro: fields of a record', () => {
  holdVerdicts(
    'avro',
    pairs([
      ['the same record reads itself', record([a]), record([a]), '', ''],
      [
        'a new field with a default is filled from it',
        record([a]),
        record([a, field('b', 'int', { default: 0 })]),
        '',
        '',
      ],
      [
        'a new field without a default has nothing to be filled from',
        record([a]),
        record([a, field('b', 'int')]),
        `${missing} /fields/1`,
        '',
      ],
      [
        'two new fields without a default are both told',
        record([a]),
        record([a, field('b', 'int'), field('c', 'int')]),
        `${missing} /fields/1, ${missing} /fields/2`,
        '',
      ],
      [
        'a default of null is a default',
        record([a]),
        record([a, field('b', ['null', 'int'], { default: null })]),
        '',
        '',
      ],
      [
        'a nullable field without a default is not filled with null',
        record([a]),
        record([a, field('b', ['null', 'int'])]),
        `${missing} /fields/1`,
        '',
      ],
      [
        'a removed field is skipped; the old reader wants it back',
        record([a, field('b', 'int')]),
        record([a]),
        '',
        `${missing} /fields/1`,
      ],
      [
        'a removed field with a default is not missed',
        record([a, field('b', 'int', { default: 1 })]),
        record([a]),
        '',
        '',
      ],
      ['the order of fields does not matter', record([a, field('b', 'int')]), record([field('b', 'int'), a]), '', ''],
      [
        'a renamed field is one removed and one added',
        record([a]),
        record([field('z', 'string')]),
        `${missing} /fields/0`,
        `${missing} /fields/0`,
      ],
      [
        'an alias reads the old name; the old reader knows no new one',
        record([a]),
        record([field('z', 'string', { aliases: ['a'] })]),
        '',
        `${missing} /fields/0`,
      ],
      [
        'an alias whose type does not fit',
        record([a]),
        record([field('z', 'int', { aliases: ['a'] })]),
        'TYPE_MISMATCH /fields/0/type',
        `${missing} /fields/0`,
      ],
      [
        'a field that stands for two of the old ones',
        record([a, field('b', 'string')]),
        record([field('z', 'string', { aliases: ['a', 'b'] })]),
        'NAME_MISMATCH /fields/0',
        `${missing} /fields/0, ${missing} /fields/1`,
      ],
      ['a field that gains a default', record([a]), record([field('a', 'string', { default: '' })]), '', ''],
      [
        'a field that changes its default',
        record([field('a', 'int', { default: 1 })]),
        record([field('a', 'int', { default: 2 })]),
        '',
        '',
      ],
      ['no field at all', record([]), record([]), '', ''],
      [
        'an enum’s default is for unknown symbols, not for a missing field',
        record([a]),
        record([a, field('e', colours(['X'], { default: 'X' }))]),
        'TYPE_MISMATCH /fields/1/type',
        '',
      ],
      [
        'a field that becomes nullable',
        record([a]),
        record([field('a', ['null', 'string'])]),
        '',
        'TYPE_MISMATCH /fields/0/type/0',
      ],
      [
        'documentation and order change nothing',
        record([field('a', 'string', { doc: 'old' })]),
        record([field('a', 'string', { doc: 'new', order: 'descending' })], { doc: 'too' }),
        '',
        '',
      ],
      [
        'a field named __proto__ is a name like another',
        record([]),
        record([{ ['__proto__']: 0, name: '__proto__', type: 'int' }]),
        `${missing} /fields/0`,
        '',
      ],
      [
        'a field named constructor is a name like another',
        record([field('constructor', 'int')]),
        record([field('constructor', 'string')]),
        'TYPE_MISMATCH /fields/0/type',
        'TYPE_MISMATCH /fields/0/type',
      ],
    ]),
  )
})

describe('B4: compatibility of Avro: primitives and promotions', () => {
  const mismatch = 'TYPE_MISMATCH /'
  holdVerdicts(
    'avro',
    pairs([
      ['int is read as long, not the other way', 'int', 'long', '', mismatch],
      ['int is read as float', 'int', 'float', '', mismatch],
      ['int is read as double', 'int', 'double', '', mismatch],
      ['long is read as float', 'long', 'float', '', mismatch],
      ['long is read as double', 'long', 'double', '', mismatch],
      ['float is read as double', 'float', 'double', '', mismatch],
      ['string and bytes read each other', 'string', 'bytes', '', ''],
      ['int is not boolean', 'int', 'boolean', mismatch, mismatch],
      ['null is nothing else', 'null', 'string', mismatch, mismatch],
      ['string is not int', 'string', 'int', mismatch, mismatch],
      ['double is not string', 'double', 'string', mismatch, mismatch],
      ['boolean is boolean', 'boolean', 'boolean', '', ''],
      ['a primitive in braces is the primitive', 'int', { type: 'int' }, '', ''],
      [
        'a logical type is read as what it is made of',
        'long',
        { type: 'long', logicalType: 'timestamp-millis' },
        '',
        '',
      ],
      [
        'two logical types of one primitive',
        { type: 'int', logicalType: 'date' },
        { type: 'int', logicalType: 'time-millis' },
        '',
        '',
      ],
      [
        'a decimal of another scale has the same bytes',
        { type: 'bytes', logicalType: 'decimal', precision: 4, scale: 2 },
        { type: 'bytes', logicalType: 'decimal', precision: 4, scale: 3 },
        '',
        '',
      ],
      ['int is not an array', 'int', array('int'), mismatch, mismatch],
      ['bytes are not a fixed', 'bytes', fixed(4), mismatch, mismatch],
      ['string is not an enum', 'string', colours(['A']), mismatch, mismatch],
    ]),
  )
})

describe('B4: compatibility of Avro: arrays and maps', () => {
  holdVerdicts(
    'avro',
    pairs([
      ['items are promoted', array('int'), array('long'), '', 'TYPE_MISMATCH /items'],
      ['items do not fit', array('int'), array('string'), 'TYPE_MISMATCH /items', 'TYPE_MISMATCH /items'],
      ['values are promoted', map('float'), map('double'), '', 'TYPE_MISMATCH /values'],
      ['values do not fit', map('boolean'), map('int'), 'TYPE_MISMATCH /values', 'TYPE_MISMATCH /values'],
      ['a map is no array', map('int'), array('int'), 'TYPE_MISMATCH /', 'TYPE_MISMATCH /'],
      ['a map is no record', map('string'), record([a]), 'TYPE_MISMATCH /', 'TYPE_MISMATCH /'],
      ['a record in an array gains a field', array(record([])), array(record([a])), `${missing} /items/fields/0`, ''],
      [
        'arrays in arrays',
        array(array('int')),
        array(array('string')),
        'TYPE_MISMATCH /items/items',
        'TYPE_MISMATCH /items/items',
      ],
      [
        'a map of arrays of nullable items',
        map(array('int')),
        map(array(['null', 'int'])),
        '',
        'TYPE_MISMATCH /values/items/0',
      ],
    ]),
  )
})

describe('B4: compatibility of Avro: names', () => {
  const named = (name: string, more: object = {}): Avro => ({ type: 'record', name, fields: [a], ...more })
  holdVerdicts(
    'avro',
    pairs([
      ['another name is another record', named('R'), named('S'), 'NAME_MISMATCH /name', 'NAME_MISMATCH /name'],
      ['an alias takes the old name', named('R'), named('S', { aliases: ['R'] }), '', 'NAME_MISMATCH /name'],
      [
        'an alias within a namespace is of that namespace',
        named('x.R'),
        named('x.S', { aliases: ['R'] }),
        '',
        'NAME_MISMATCH /name',
      ],
      [
        'an alias of another namespace is another name',
        named('y.R'),
        named('x.S', { aliases: ['R'] }),
        'NAME_MISMATCH /name',
        'NAME_MISMATCH /name',
      ],
      ['the namespace alone does not matter', named('x.R'), named('y.R'), '', ''],
      ['a namespace of its own, or in the name', named('x.R'), named('R', { namespace: 'x' }), '', ''],
      [
        'an enum’s name',
        colours(['A']),
        { type: 'enum', name: 'G', symbols: ['A'] },
        'NAME_MISMATCH /name',
        'NAME_MISMATCH /name',
      ],
      ['a fixed’s name', fixed(4), { type: 'fixed', name: 'G', size: 4 }, 'NAME_MISMATCH /name', 'NAME_MISMATCH /name'],
      [
        'a record within a record',
        record([field('r', named('In'))]),
        record([field('r', named('Out'))]),
        'NAME_MISMATCH /fields/0/type/name',
        'NAME_MISMATCH /fields/0/type/name',
      ],
      [
        'a type that is named again is that type',
        record([field('x', fixed(2)), field('y', 'F')]),
        record([field('x', fixed(2)), field('y', fixed(2, { name: 'G' }))]),
        'NAME_MISMATCH /fields/1/type/name',
        'NAME_MISMATCH /fields/1/type/name',
      ],
    ]),
  )
})

describe('B4: compatibility of Avro: enums and fixed', () => {
  const gone = 'MISSING_ENUM_SYMBOLS /symbols'
  holdVerdicts(
    'avro',
    pairs([
      ['a symbol more: the old reader does not know it', colours(['A', 'B']), colours(['A', 'B', 'C']), '', gone],
      ['a symbol less: the new reader does not know it', colours(['A', 'B']), colours(['A']), gone, ''],
      ['the order of symbols does not matter', colours(['A', 'B']), colours(['B', 'A']), '', ''],
      ['a default stands in for unknown symbols', colours(['A', 'B']), colours(['A'], { default: 'A' }), '', ''],
      [
        'a default the enum does not have helps nobody',
        colours(['A', 'B']),
        colours(['A'], { default: 'B' }),
        gone,
        '',
      ],
      ['a renamed symbol', colours(['A', 'B']), colours(['A', 'Z']), gone, gone],
      [
        'symbols within a field',
        record([field('e', colours(['A', 'B']))]),
        record([field('e', colours(['A']))]),
        'MISSING_ENUM_SYMBOLS /fields/0/type/symbols',
        '',
      ],
      [
        'another name and fewer symbols are two faults',
        colours(['A', 'B']),
        { type: 'enum', name: 'G', symbols: ['A'] },
        'NAME_MISMATCH /name, MISSING_ENUM_SYMBOLS /symbols',
        'NAME_MISMATCH /name',
      ],
      ['an enum is no string', colours(['A']), 'string', 'TYPE_MISMATCH /', 'TYPE_MISMATCH /'],
      ['the same size', fixed(16), fixed(16), '', ''],
      ['another size', fixed(16), fixed(8), 'FIXED_SIZE_MISMATCH /size', 'FIXED_SIZE_MISMATCH /size'],
      [
        'another name and another size are two faults',
        fixed(16),
        { type: 'fixed', name: 'G', size: 8 },
        'NAME_MISMATCH /name, FIXED_SIZE_MISMATCH /size',
        'NAME_MISMATCH /name, FIXED_SIZE_MISMATCH /size',
      ],
      ['a fixed with another logical type', fixed(12), fixed(12, { logicalType: 'duration' }), '', ''],
    ]),
  )
})

describe('B4: compatibility of Avro: unions', () => {
  holdVerdicts(
    'avro',
    pairs([
      ['a branch more: the old reader lacks it', ['int'], ['int', 'string'], '', 'MISSING_UNION_BRANCH /1'],
      ['a branch less: the new reader lacks it', ['null', 'int'], ['int'], 'MISSING_UNION_BRANCH /0', ''],
      ['the order of branches does not matter', ['null', 'int'], ['int', 'null'], '', ''],
      ['a value becomes a union that holds it', 'int', ['null', 'int'], '', 'TYPE_MISMATCH /0'],
      [
        'a value becomes a union that does not hold it',
        'int',
        ['null', 'string'],
        'MISSING_UNION_BRANCH /',
        'TYPE_MISMATCH /0, TYPE_MISMATCH /1',
      ],
      ['a union becomes one of its branches', ['null', 'int'], 'int', 'TYPE_MISMATCH /0', ''],
      ['a union whose branches are all promoted', ['int', 'long'], 'double', '', 'MISSING_UNION_BRANCH /'],
      ['a value is promoted into a branch', 'int', ['null', 'long'], '', 'TYPE_MISMATCH /0, TYPE_MISMATCH /1'],
      ['branches are promoted into branches', ['null', 'int'], ['null', 'double'], '', 'MISSING_UNION_BRANCH /1'],
      ['a union of one is the one', 'string', ['string'], '', ''],
      ['an empty union takes nothing', [], ['int'], '', 'MISSING_UNION_BRANCH /0'],
      [
        'a record among the branches gains a field',
        ['null', record([])],
        ['null', record([a])],
        'MISSING_UNION_BRANCH /1',
        '',
      ],
      [
        'a record among the branches, found by its name',
        [record([a]), { ...(record([]) as object), name: 'S' }],
        [{ ...(record([]) as object), name: 'S' }, record([a])],
        '',
        '',
      ],
      [
        'a union within a field',
        record([field('a', ['null', 'string', 'int'])]),
        record([field('a', ['null', 'string'])]),
        'MISSING_UNION_BRANCH /fields/0/type/2',
        '',
      ],
      ['arrays among branches', ['null', array('int')], ['null', array('long')], '', 'MISSING_UNION_BRANCH /1'],
    ]),
  )
})

describe('B4: compatibility of Avro: what refers to itself, and to others', () => {
  const list = (value: Avro, more: readonly Avro[] = []): Avro =>
    record([field('value', value), ...more, field('next', ['null', 'R'])])
  holdVerdicts('avro', [
    ...pairs([
      ['a list reads itself', list('int'), list('int'), '', ''],
      ['a list of promoted values', list('int'), list('long'), '', 'TYPE_MISMATCH /fields/0/type'],
      ['a list whose nodes gain a field', list('int'), list('int', [a]), `${missing} /fields/1`, ''],
      [
        'a tree',
        record([field('of', array('R'))]),
        record([field('of', array('R')), field('n', 'int', { default: 0 })]),
        '',
        '',
      ],
      [
        'a tree that loses its leaves’ type',
        record([field('leaf', 'int'), field('of', array('R'))]),
        record([field('leaf', 'string'), field('of', array('R'))]),
        'TYPE_MISMATCH /fields/0/type',
        'TYPE_MISMATCH /fields/0/type',
      ],
    ]),
    {
      why: 'a type of another schema changes',
      old: {
        text: JSON.stringify(record([field('f', 'F')])),
        references: [{ name: 'F', text: JSON.stringify(fixed(2)), references: [] }],
      },
      next: {
        text: JSON.stringify(record([field('f', 'F')])),
        references: [{ name: 'F', text: JSON.stringify(fixed(3)), references: [] }],
      },
      backward: 'FIXED_SIZE_MISMATCH /fields/0/type/size',
      forward: 'FIXED_SIZE_MISMATCH /fields/0/type/size',
    },
    {
      why: 'a type moves into another schema',
      old: JSON.stringify(record([field('f', fixed(2))])),
      next: {
        text: JSON.stringify(record([field('f', 'F')])),
        references: [{ name: 'F', text: JSON.stringify(fixed(2)), references: [] }],
      },
      backward: '',
      forward: '',
    },
    {
      why: 'a type of a schema that another one refers to',
      old: JSON.stringify(record([field('w', { type: 'record', name: 'W', fields: [field('f', fixed(2))] })])),
      next: {
        text: JSON.stringify(record([field('w', 'W')])),
        references: [
          {
            name: 'W',
            text: JSON.stringify({ type: 'record', name: 'W', fields: [field('f', 'F')] }),
            references: [{ name: 'F', text: JSON.stringify(fixed(2)), references: [] }],
          },
        ],
      },
      backward: '',
      forward: '',
    },
    {
      why: 'a name that nothing declares cannot be compared',
      old: '"int"',
      next: '"Unheard"',
      backward: 'NOT_COMPARABLE /',
      forward: 'NOT_COMPARABLE /',
    },
  ])
})

describe('B4: compatibility of Avro: words', () => {
  const told = (old: Avro, next: Avro) =>
    differences(
      'avro',
      { text: JSON.stringify(next), references: [] },
      { text: JSON.stringify(old), references: [] },
    ).map(({ message }) => message)

  it('are those of Confluent’s registry', () => {
    assert.deepEqual(told(record([a]), record([a, field('b', 'int')])), [
      "{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'The field 'b' at path '/fields/1' in the new schema has no default value and is missing in the old schema', additionalInfo:'b'}",
    ])
    assert.deepEqual(told('string', 'int'), [
      "{errorType:'TYPE_MISMATCH', description:'The type (path '/') of a field in the new schema does not match with the old schema', additionalInfo:'reader type: INT not compatible with writer type: STRING'}",
    ])
    assert.deepEqual(told(colours(['B', 'C', 'A']), colours(['B'])), [
      "{errorType:'MISSING_ENUM_SYMBOLS', description:'The new schema is missing enum symbols '[A, C]' at path '/symbols' in the old schema', additionalInfo:'[A, C]'}",
    ])
  })
})

describe('B4: compatibility of Avro: against another implementation', () => {
  /** Schemas in one namespace, with names that say what they are, as both see names alike then. */
  const schemas = fc.letrec<{ type: Avro; record: Avro; plain: Avro }>((tie) => ({
    plain: fc.constantFrom<Avro>('null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'),
    record: fc
      .uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'c'), tie('type'), fc.boolean()), {
        selector: ([name]) => name,
        maxLength: 3,
      })
      .map((fields) =>
        record(fields.map(([name, type, filled]) => (filled ? field(name, 'int', { default: 1 }) : field(name, type)))),
      ),
    type: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      tie('plain'),
      tie('plain').map(array),
      tie('type').map((items) => (nests(items) ? 'int' : array(items))),
      tie('type').map((values) => (nests(values) ? 'long' : map(values))),
      fc.constantFrom(fixed(2), fixed(3)),
      fc.uniqueArray(fc.constantFrom('A', 'B', 'C'), { minLength: 1 }).map((symbols) => colours(symbols)),
      fc
        .uniqueArray(fc.constantFrom<Avro>('null', 'boolean', 'int', 'long', 'double', 'string'), { minLength: 1 })
        .map((branches): Avro => branches),
      tie('record'),
    ),
  }))
  /** A name is declared once in a schema. */
  const nests = (type: Avro): boolean => /"name":"[REF]"/.test(JSON.stringify(type))
  const declaresTwice = (type: Avro): boolean =>
    ['R', 'E', 'F'].some((name) => JSON.stringify(type).split(`"name":"${name}"`).length > 2)

  it('agrees with avsc on whether a schema reads another', () => {
    let [yes, no] = [0, 0]
    const reads = (reader: Avro, writer: Avro): boolean => {
      const options = { wrapUnions: true } as const
      try {
        avro.Type.forSchema(structuredClone(reader) as avro.Schema, { ...options }).createResolver(
          avro.Type.forSchema(structuredClone(writer) as avro.Schema, { ...options }),
        )
        return true
      } catch {
        return false
      }
    }
    fc.assert(
      fc.property(schemas.type, schemas.type, (reader, writer) => {
        fc.pre(!declaresTwice(reader) && !declaresTwice(writer))
        const found = differences(
          'avro',
          { text: JSON.stringify(reader), references: [] },
          { text: JSON.stringify(writer), references: [] },
        )
        const expected = reads(reader, writer)
        if (expected) yes++
        else no++
        assert.equal(found.length === 0, expected, JSON.stringify(found.map(({ message }) => message)))
      }),
      { numRuns: 3000 },
    )
    assert.ok(yes > 100 && no > 100, `${yes} read, ${no} do not`)
  })
})
