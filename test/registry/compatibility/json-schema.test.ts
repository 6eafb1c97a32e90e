import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { differences } from '../../../src/registry/compatibility/compatibility.ts'
import { holdVerdicts, type Pair } from './verdict-table.ts'

type Row = readonly [why: string, old: unknown, next: unknown, backward: string, forward: string]
const pairs = (rows: readonly Row[], more: object = {}): Pair[] =>
  rows.map(([why, old, next, backward, forward]) => ({
    why,
    old: JSON.stringify(withWords(old, more)),
    next: JSON.stringify(withWords(next, more)),
    backward,
    forward,
  }))
const withWords = (schema: unknown, more: object): unknown =>
  typeof schema === 'object' ? { ...more, ...schema } : schema

const string = { type: 'string' }
const number = { type: 'number' }
const integer = { type: 'integer' }
const object = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more })
const closed = { additionalProperties: false }

describe('B4: compatibility of JSON Schema: types', () => {
  const changed = 'TYPE_CHANGED #/'
  holdVerdicts(
    'json-schema',
    pairs([
      ['the same type', string, string, '', ''],
      ['another type', string, number, changed, changed],
      ['an integer is a number', integer, number, '', 'TYPE_NARROWED #/'],
      ['a boolean is nothing else', { type: 'boolean' }, string, changed, changed],
      ['null is nothing else', { type: 'null' }, number, changed, changed],
      ['an array is no object', { type: 'array' }, { type: 'object' }, changed, changed],
      ['everything takes all there was', string, {}, '', changed],
      ['true takes all there was', object({ a: string }), true, '', changed],
      ['false took nothing', false, string, '', changed],
      ['everything and true are the same', {}, true, '', ''],
      ['a type more', string, { type: ['string', 'number'] }, '', changed],
      ['a type becomes nullable', number, { type: ['number', 'null'] }, '', changed],
      ['a list of one type is the type', string, { type: ['string'] }, '', ''],
      [
        'a type more in a list',
        { type: ['string', 'null'] },
        { type: ['string', 'null', 'number'] },
        '',
        'SUM_TYPE_NARROWED #/',
      ],
      [
        'other types in a list',
        { type: ['string', 'null'] },
        { type: ['number', 'null'] },
        'COMBINED_TYPE_SUBSCHEMAS_CHANGED #/',
        'COMBINED_TYPE_SUBSCHEMAS_CHANGED #/',
      ],
      [
        'title, description, default and examples say nothing of values',
        string,
        { ...string, title: 't', description: 'd', default: '', examples: ['x'] },
        '',
        '',
      ],
      [
        'a decimal of Kafka Connect may be a string',
        { ...number, 'connect.type': 'bytes' },
        { ...string, 'connect.type': 'bytes' },
        '',
        '',
      ],
    ]),
  )
})

describe('B4: compatibility of JSON Schema: limits of strings and numbers', () => {
  const both = (
    keyword: string,
    added: string,
    tighter: string,
    base: object,
    low: number,
    high: number,
    upper: boolean,
  ): Row[] => {
    const [tight, wide] = upper ? [low, high] : [high, low]
    return [
      [`${keyword} appears`, base, { ...base, [keyword]: low }, `${added} #/${keyword}`, ''],
      [
        `${keyword} gives way`,
        { ...base, [keyword]: tight },
        { ...base, [keyword]: wide },
        '',
        `${tighter} #/${keyword}`,
      ],
      [`${keyword} stays`, { ...base, [keyword]: low }, { ...base, [keyword]: low }, '', ''],
    ]
  }
  holdVerdicts(
    'json-schema',
    pairs([
      ...both('maxLength', 'MAX_LENGTH_ADDED', 'MAX_LENGTH_DECREASED', string, 3, 5, true),
      ...both('minLength', 'MIN_LENGTH_ADDED', 'MIN_LENGTH_INCREASED', string, 3, 5, false),
      ...both('maximum', 'MAXIMUM_ADDED', 'MAXIMUM_DECREASED', number, 3, 5, true),
      ...both('minimum', 'MINIMUM_ADDED', 'MINIMUM_INCREASED', number, -1, 1, false),
      ...both('exclusiveMaximum', 'EXCLUSIVE_MAXIMUM_ADDED', 'EXCLUSIVE_MAXIMUM_DECREASED', number, 3, 5, true),
      ...both('exclusiveMinimum', 'EXCLUSIVE_MINIMUM_ADDED', 'EXCLUSIVE_MINIMUM_INCREASED', number, 0.5, 0.75, false),
      ...both('maxProperties', 'MAX_PROPERTIES_ADDED', 'MAX_PROPERTIES_DECREASED', { type: 'object' }, 3, 5, true),
      ...both('minProperties', 'MIN_PROPERTIES_ADDED', 'MIN_PROPERTIES_INCREASED', { type: 'object' }, 3, 5, false),
      ...both('maxItems', 'MAX_ITEMS_ADDED', 'MAX_ITEMS_DECREASED', { type: 'array' }, 3, 5, true),
      ...both('minItems', 'MIN_ITEMS_ADDED', 'MIN_ITEMS_INCREASED', { type: 'array' }, 3, 5, false),
      ['a pattern appears', string, { ...string, pattern: '^a' }, 'PATTERN_ADDED #/pattern', ''],
      [
        'a pattern changes: nobody knows which is narrower',
        { ...string, pattern: '^a' },
        { ...string, pattern: '^b' },
        'PATTERN_CHANGED #/pattern',
        'PATTERN_CHANGED #/pattern',
      ],
      ['multiples appear', number, { ...number, multipleOf: 2 }, 'MULTIPLE_OF_ADDED #/multipleOf', ''],
      [
        'multiples of a multiple',
        { ...number, multipleOf: 2 },
        { ...number, multipleOf: 6 },
        'MULTIPLE_OF_EXPANDED #/multipleOf',
        '',
      ],
      [
        'multiples of something else',
        { ...number, multipleOf: 2 },
        { ...number, multipleOf: 3 },
        'MULTIPLE_OF_CHANGED #/multipleOf',
        'MULTIPLE_OF_CHANGED #/multipleOf',
      ],
      [
        'multiples of a decimal',
        { ...number, multipleOf: 0.1 },
        { ...number, multipleOf: 0.3 },
        'MULTIPLE_OF_EXPANDED #/multipleOf',
        '',
      ],
      ['limits without a type', { maximum: 3 }, { maximum: 5 }, '', 'MAXIMUM_DECREASED #/maximum'],
      [
        'two limits at once',
        { ...string, maxLength: 9 },
        { ...string, maxLength: 5, minLength: 1 },
        'MAX_LENGTH_DECREASED #/maxLength, MIN_LENGTH_ADDED #/minLength',
        '',
      ],
    ]),
  )
})

describe('B4: compatibility of JSON Schema: enums, constants and not', () => {
  const values = (...listed: unknown[]) => ({ enum: listed })
  holdVerdicts(
    'json-schema',
    pairs([
      ['a value more', values('a', 'b'), values('a', 'b', 'c'), '', 'ENUM_ARRAY_NARROWED #/enum'],
      ['other values', values('a', 'b'), values('a', 'c'), 'ENUM_ARRAY_CHANGED #/enum', 'ENUM_ARRAY_CHANGED #/enum'],
      ['another order', values('a', 'b'), values('b', 'a'), '', ''],
      ['values that are objects, however they are written', values({ x: 1, y: 2 }), values({ y: 2, x: 1 }), '', ''],
      ['an enum goes', { ...string, enum: ['a'] }, string, '', 'TYPE_CHANGED #/'],
      [
        'an enum beside its type',
        { ...string, enum: ['a'] },
        { ...string, enum: ['a', 'b'] },
        '',
        'COMBINED_TYPE_SUBSCHEMAS_CHANGED #/',
      ],
      ['another constant', { const: 1 }, { const: 2 }, 'ENUM_ARRAY_CHANGED #/const', 'ENUM_ARRAY_CHANGED #/const'],
      ['the same constant', { const: { a: [1] } }, { const: { a: [1] } }, '', ''],
      ['a constant is no enum', { const: 1 }, values(1), 'TYPE_CHANGED #/', 'TYPE_CHANGED #/'],
      ['less is refused', { not: { type: ['string', 'number'] } }, { not: string }, '', 'NOT_TYPE_EXTENDED #/not'],
      [
        'something else is refused',
        { not: string },
        { not: number },
        'NOT_TYPE_EXTENDED #/not',
        'NOT_TYPE_EXTENDED #/not',
      ],
      [
        'a shorter string is refused',
        { not: { ...string, maxLength: 5 } },
        { not: { ...string, maxLength: 3 } },
        '',
        'NOT_TYPE_EXTENDED #/not',
      ],
    ]),
  )
})

describe('B4: compatibility of JSON Schema: properties of open objects', () => {
  const a = { a: string }
  const optional = 'OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL #/properties/b'
  holdVerdicts(
    'json-schema',
    pairs([
      ['a property more may have been anything', object(a), object({ ...a, b: number }), optional, ''],
      ['a property more that may be anything', object(a), object({ ...a, b: {} }), '', ''],
      [
        'a required property more',
        object(a),
        object({ ...a, b: number }, { required: ['b'] }),
        'REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL #/properties/b',
        '',
      ],
      [
        'a required property more, with a default',
        object(a),
        object({ ...a, b: { ...number, default: 0 } }, { required: ['b'] }),
        'REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL #/properties/b',
        '',
      ],
      [
        'a property of another type',
        object(a),
        object({ a: number }),
        'TYPE_CHANGED #/properties/a',
        'TYPE_CHANGED #/properties/a',
      ],
      [
        'a property becomes required',
        object(a),
        object(a, { required: ['a'] }),
        'REQUIRED_ATTRIBUTE_ADDED #/required/a',
        '',
      ],
      [
        'a property with a default becomes required',
        object({ a: { ...string, default: '' } }),
        object({ a: { ...string, default: '' } }, { required: ['a'] }),
        '',
        '',
      ],
      [
        'an open object is closed',
        object(a),
        object(a, closed),
        'ADDITIONAL_PROPERTIES_REMOVED #/additionalProperties',
        '',
      ],
      [
        'an open object is partly closed',
        object(a),
        object(a, { additionalProperties: string }),
        'ADDITIONAL_PROPERTIES_NARROWED #/additionalProperties',
        '',
      ],
      ['additional properties are allowed in words', object(a), object(a, { additionalProperties: true }), '', ''],
      [
        'nested objects',
        object({ o: object(a) }),
        object({ o: object({ ...a, b: number }) }),
        'OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL #/properties/o/properties/b',
        '',
      ],
      [
        'properties named as what every object inherits',
        object({}),
        object({ constructor: number, toString: {} }),
        'OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL #/properties/constructor',
        '',
      ],
      [
        'properties without a type',
        { properties: a },
        { properties: { a: number } },
        'TYPE_CHANGED #/properties/a',
        'TYPE_CHANGED #/properties/a',
      ],
      [
        'two faults are told in the order of names',
        object({ x: string, y: string }),
        object({ y: number, x: number }),
        'TYPE_CHANGED #/properties/x, TYPE_CHANGED #/properties/y',
        'TYPE_CHANGED #/properties/x, TYPE_CHANGED #/properties/y',
      ],
    ]),
  )

  it('are told of a property named __proto__', () => {
    const text = (type: string) => ({
      text: `{"type":"object","properties":{"__proto__":{"type":"${type}"}}}`,
      references: [],
    })
    const found = differences('json-schema', text('string'), text('number')).map(({ rule, path }) => `${rule} ${path}`)
    assert.deepEqual(found, ['TYPE_CHANGED #/properties/__proto__'])
  })
})

describe('B4: compatibility of JSON Schema: properties of closed objects', () => {
  const a = { a: string }
  const gone = 'PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL #/properties/b'
  holdVerdicts(
    'json-schema',
    pairs([
      ['a property more was never there', object(a, closed), object({ ...a, b: number }, closed), '', gone],
      [
        'a required property more is missing in old data',
        object(a, closed),
        object({ ...a, b: number }, { ...closed, required: ['b'] }),
        'REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL #/properties/b',
        gone,
      ],
      [
        'a required property more, with a default',
        object(a, closed),
        object({ ...a, b: { ...number, default: 0 } }, { ...closed, required: ['b'] }),
        '',
        gone,
      ],
      ['a property that nothing fits goes', object({ ...a, b: false }, closed), object(a, closed), '', ''],
      [
        'a closed object is opened',
        object(a, closed),
        object(a),
        '',
        'ADDITIONAL_PROPERTIES_REMOVED #/additionalProperties',
      ],
      [
        'a closed object is partly opened',
        object(a, closed),
        object(a, { additionalProperties: string }),
        '',
        'ADDITIONAL_PROPERTIES_REMOVED #/additionalProperties',
      ],
      [
        'a closed object loses one and gains one',
        object({ a: string, b: string }, closed),
        object({ a: string, c: string }, closed),
        gone,
        'PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL #/properties/c',
      ],
    ]),
  )
})

describe('B4: compatibility of JSON Schema: properties of partly open objects', () => {
  const open = (schema: unknown) => ({ additionalProperties: schema })
  const removedNot = 'PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL #/properties/b'
  const addedNot = 'PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL #/properties/b'
  holdVerdicts(
    'json-schema',
    pairs([
      [
        'a property more that is as the others were',
        object({}, open(string)),
        object({ b: string }, open(string)),
        '',
        '',
      ],
      [
        'a property more that is wider than the others were',
        object({}, open(integer)),
        object({ b: number }, open(integer)),
        '',
        `TYPE_NARROWED #/properties/b, ${removedNot}`,
      ],
      [
        'a property more that is not as the others were',
        object({}, open(string)),
        object({ b: number }, open(string)),
        `TYPE_CHANGED #/properties/b, ${addedNot}`,
        `TYPE_CHANGED #/properties/b, ${removedNot}`,
      ],
      [
        'a required property more',
        object({}, open(string)),
        object({ b: string }, { ...open(string), required: ['b'] }),
        'REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL #/properties/b',
        '',
      ],
      [
        'what the others are changes',
        object({}, open(string)),
        object({}, open(number)),
        'TYPE_CHANGED #/additionalProperties',
        'TYPE_CHANGED #/additionalProperties',
      ],
      [
        'what the others are widens',
        object({}, open(integer)),
        object({}, open(number)),
        '',
        'TYPE_NARROWED #/additionalProperties',
      ],
      [
        'a property a pattern spoke of',
        object({}, { patternProperties: { '^b': string } }),
        object({ b: string }, { patternProperties: { '^b': string } }),
        '',
        '',
      ],
      [
        'a property a pattern spoke of differently',
        object({}, { patternProperties: { '^b': number } }),
        object({ b: string }, { patternProperties: { '^b': number } }),
        `TYPE_CHANGED #/properties/b, ${addedNot}`,
        `TYPE_CHANGED #/properties/b, ${removedNot}`,
      ],
      [
        'a property no pattern speaks of goes',
        object({ b: string }, { patternProperties: { '^z': number } }),
        object({}, { patternProperties: { '^z': number } }),
        'PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL #/properties/b',
        '',
      ],
    ]),
  )
})

describe('B4: compatibility of JSON Schema: dependencies', () => {
  const legacy = { $schema: 'http://json-schema.org/draft-07/schema#' }
  const needs = (dependencies: object) => ({ type: 'object', dependencies })
  holdVerdicts('json-schema', [
    ...pairs(
      [
        ['a dependency more', { type: 'object' }, needs({ a: ['b'] }), 'DEPENDENCY_ARRAY_ADDED #/dependencies/a', ''],
        [
          'a dependency on more',
          needs({ a: ['b'] }),
          needs({ a: ['b', 'c'] }),
          'DEPENDENCY_ARRAY_EXTENDED #/dependencies/a',
          '',
        ],
        [
          'a dependency on something else',
          needs({ a: ['b'] }),
          needs({ a: ['c'] }),
          'DEPENDENCY_ARRAY_CHANGED #/dependencies/a',
          'DEPENDENCY_ARRAY_CHANGED #/dependencies/a',
        ],
        [
          'a dependent schema more',
          { type: 'object' },
          needs({ a: string }),
          'DEPENDENCY_SCHEMA_ADDED #/dependencies/a',
          '',
        ],
        [
          'a dependent schema of another type',
          needs({ a: string }),
          needs({ a: number }),
          'TYPE_CHANGED #/dependencies/a',
          'TYPE_CHANGED #/dependencies/a',
        ],
      ],
      legacy,
    ),
    ...pairs([
      [
        'in the words of 2019-09',
        { type: 'object' },
        { type: 'object', dependentRequired: { a: ['b'] } },
        'DEPENDENCY_ARRAY_ADDED #/dependencies/a',
        '',
      ],
      [
        'dependent schemas in the words of 2019-09',
        { type: 'object', dependentSchemas: { a: integer } },
        { type: 'object', dependentSchemas: { a: number } },
        '',
        'TYPE_NARROWED #/dependencies/a',
      ],
    ]),
  ])
})

describe('B4: compatibility of JSON Schema: arrays', () => {
  const list = (items: unknown) => ({ type: 'array', items })
  const legacy = { $schema: 'http://json-schema.org/draft-07/schema#' }
  const tuple = (...items: unknown[]) => ({ type: 'array', items })
  const prefix = (...prefixItems: unknown[]) => ({ type: 'array', prefixItems })
  holdVerdicts('json-schema', [
    ...pairs([
      ['items of another type', list(string), list(number), 'TYPE_CHANGED #/items', 'TYPE_CHANGED #/items'],
      ['items of a wider type', list(integer), list(number), '', 'TYPE_NARROWED #/items'],
      ['items get a schema', { type: 'array' }, list(string), 'SCHEMA_ADDED #/items', ''],
      [
        'items become unique',
        list(string),
        { ...list(string), uniqueItems: true },
        'UNIQUE_ITEMS_ADDED #/uniqueItems',
        '',
      ],
      [
        'something must be contained',
        { type: 'array' },
        { type: 'array', contains: string },
        'MIN_CONTAINS_ADDED #/minContains',
        '',
      ],
      [
        'more must be contained',
        { type: 'array', contains: string },
        { type: 'array', contains: string, minContains: 2 },
        'MIN_CONTAINS_INCREASED #/minContains',
        '',
      ],
      [
        'objects in arrays',
        list(object({ a: string })),
        list(object({ a: integer })),
        'TYPE_CHANGED #/items/properties/a',
        'TYPE_CHANGED #/items/properties/a',
      ],
      [
        'a position more may have been anything',
        prefix(string),
        prefix(string, number),
        'ITEM_ADDED_TO_OPEN_CONTENT_MODEL #/items/1',
        '',
      ],
      ['a position more that may be anything', prefix(string), prefix(string, {}), '', ''],
      [
        'a position more that was never there',
        { ...prefix(string), items: false },
        { ...prefix(string, number), items: false },
        '',
        'ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL #/items/1',
      ],
      [
        'a position of another type',
        prefix(string),
        prefix(number),
        'TYPE_CHANGED #/items/0',
        'TYPE_CHANGED #/items/0',
      ],
      [
        'unevaluated items are refused',
        { type: 'array' },
        { type: 'array', unevaluatedItems: false },
        'UNEVALUATED_ITEMS_REMOVED #/unevaluatedItems',
        '',
      ],
    ]),
    ...pairs(
      [
        [
          'a tuple’s position more, as the others were',
          { ...tuple(string), additionalItems: number },
          { ...tuple(string, number), additionalItems: number },
          '',
          '',
        ],
        [
          'a tuple’s position more, not as the others were',
          { ...tuple(string), additionalItems: number },
          { ...tuple(string, string), additionalItems: number },
          'TYPE_CHANGED #/items/1, ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL #/items/1',
          'TYPE_CHANGED #/items/1, ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL #/items/1',
        ],
        [
          'a tuple is closed',
          tuple(string),
          { ...tuple(string), additionalItems: false },
          'ADDITIONAL_ITEMS_REMOVED #/additionalItems',
          '',
        ],
        [
          'a tuple’s other items get a schema',
          tuple(string),
          { ...tuple(string), additionalItems: number },
          'ADDITIONAL_ITEMS_NARROWED #/additionalItems',
          '',
        ],
        [
          'a tuple’s other items change',
          { ...tuple(string), additionalItems: integer },
          { ...tuple(string), additionalItems: number },
          '',
          'TYPE_NARROWED #/additionalItems',
        ],
        ['contains is not looked at in draft 7', { type: 'array' }, { type: 'array', contains: string }, '', ''],
      ],
      legacy,
    ),
  ])
})

describe('B4: compatibility of JSON Schema: combinations', () => {
  const any = (...parts: unknown[]) => ({ anyOf: parts })
  const one = (...parts: unknown[]) => ({ oneOf: parts })
  const all = (...parts: unknown[]) => ({ allOf: parts })
  const fewer = 'SUM_TYPE_NARROWED #/'
  const long = { ...string, maxLength: 9 }
  holdVerdicts(
    'json-schema',
    pairs([
      ['an alternative more', one(string, number), one(string, number, { type: 'null' }), '', fewer],
      [
        'another alternative',
        one(string, number),
        one(string, { type: 'null' }),
        'COMBINED_TYPE_SUBSCHEMAS_CHANGED #/',
        'COMBINED_TYPE_SUBSCHEMAS_CHANGED #/',
      ],
      ['alternatives in another order', any(string, number), any(number, string), '', ''],
      ['an alternative widens', one(integer, string), one(number, string), '', 'COMBINED_TYPE_SUBSCHEMAS_CHANGED #/'],
      ['an alternative that is listed twice counts once', any(string, string, number), any(number, string), '', ''],
      [
        'alternatives that could be paired wrongly',
        any(integer, number),
        any(number, { type: ['number', 'null'] }),
        '',
        'COMBINED_TYPE_SUBSCHEMAS_CHANGED #/',
      ],
      ['one of them becomes any of them', one(string, number), any(string, number), '', 'COMBINED_TYPE_CHANGED #/'],
      ['all of them become any of them', all(string, long), any(string, long), '', 'COMBINED_TYPE_CHANGED #/'],
      ['a demand more', all(string, long), all(string, long, { minLength: 1 }), 'PRODUCT_TYPE_EXTENDED #/', ''],
      ['a value becomes one of several', string, one(string, number), '', 'TYPE_CHANGED #/'],
      [
        'a value becomes one of several others',
        { type: 'boolean' },
        one(string, number),
        'TYPE_CHANGED #/',
        'TYPE_CHANGED #/',
      ],
      ['a demand becomes all there is', all(long, { minLength: 1 }), string, '', 'TYPE_CHANGED #/'],
      ['an allOf of one is the one', string, all(string), '', ''],
      ['an anyOf of one becomes a oneOf of one', any(string), one(string), '', ''],
      ['an allOf of one becomes a oneOf of two', all(string), one(string, number), '', 'COMBINED_TYPE_CHANGED #/'],
      [
        'a property is one of several objects',
        object({ p: one(object({ a: string }, closed), string) }),
        object({ p: one(object({ a: string, b: string }, closed), string) }),
        '',
        'COMBINED_TYPE_SUBSCHEMAS_CHANGED #/properties/p',
      ],
      [
        'conditions are not looked at',
        { if: string, else: { maximum: 3 } },
        { if: string, else: { maximum: 1 } },
        '',
        '',
      ],
      [
        'the same words beside a combination',
        { type: 'object', ...any({ required: ['a'] }, { required: ['b'] }) },
        { type: 'object', ...any({ required: ['a'] }, { required: ['b'] }) },
        '',
        '',
      ],
    ]),
  )
})

describe('B4: compatibility of JSON Schema: references', () => {
  const via = ($defs: object, more: object = {}) => ({ $defs, ...more })
  const node = (value: unknown) => ({ $ref: '#/$defs/n', $defs: { n: object({ value, next: { $ref: '#/$defs/n' } }) } })
  const elsewhere = (text: unknown) => ({
    text: JSON.stringify(object({ p: { $ref: 'other.json#/definitions/p' } })),
    references: [{ name: 'other.json', text: JSON.stringify(text), references: [] }],
  })
  holdVerdicts('json-schema', [
    ...pairs([
      [
        'what is written out moves behind a reference',
        object({ a: string }),
        object({ a: { $ref: '#/$defs/s' } }, via({ s: string })),
        '',
        '',
      ],
      [
        'what a reference leads to changes',
        object({ a: { $ref: '#/$defs/s' } }, via({ s: string })),
        object({ a: { $ref: '#/$defs/s' } }, via({ s: number })),
        'TYPE_CHANGED #/properties/a',
        'TYPE_CHANGED #/properties/a',
      ],
      [
        'a reference by anchor',
        object({ a: string }),
        object({ a: { $ref: '#s' } }, via({ s: { $anchor: 's', ...string } })),
        '',
        '',
      ],
      [
        'a reference by $id',
        object({ a: string }),
        object({ a: { $ref: 'https://example.com/s' } }, via({ s: { $id: 'https://example.com/s', ...string } })),
        '',
        '',
      ],
      [
        'a reference to a reference',
        object({ a: integer }),
        object({ a: { $ref: '#/$defs/s' } }, via({ s: { $ref: '#/$defs/t' }, t: number })),
        '',
        'TYPE_NARROWED #/properties/a',
      ],
      ['a definition nobody refers to', via({ s: string }), via({ s: number }), '', ''],
      ['a list of nodes that hold the next', node(string), node(string), '', ''],
      ['a list whose nodes’ values widen', node(integer), node(number), '', 'TYPE_NARROWED #/properties/value'],
      [
        'a tree that refers to its root',
        object({ v: string, c: { type: 'array', items: { $ref: '#' } } }),
        object({ v: number, c: { type: 'array', items: { $ref: '#' } } }),
        'TYPE_CHANGED #/properties/v',
        'TYPE_CHANGED #/properties/v',
      ],
      [
        'words beside a reference count from 2019-09 on',
        object({ a: { $ref: '#/$defs/s' } }, via({ s: string })),
        object({ a: { $ref: '#/$defs/s', maxLength: 3 } }, via({ s: string })),
        'TYPE_CHANGED #/properties/a',
        '',
      ],
      [
        'a reference that leads nowhere',
        object({ a: string }),
        object({ a: { $ref: '#/$defs/gone' } }),
        'NOT_COMPARABLE /',
        'NOT_COMPARABLE /',
      ],
    ]),
    ...pairs(
      [
        [
          'words beside a reference do not count before',
          { ...object({ a: { $ref: '#/definitions/s' } }), definitions: { s: string } },
          { ...object({ a: { $ref: '#/definitions/s', maxLength: 3 } }), definitions: { s: string } },
          '',
          '',
        ],
      ],
      { $schema: 'http://json-schema.org/draft-07/schema#' },
    ),
    {
      why: 'a schema of another subject',
      old: elsewhere({ definitions: { p: string } }),
      next: elsewhere({ definitions: { p: number } }),
      backward: 'TYPE_CHANGED #/properties/p',
      forward: 'TYPE_CHANGED #/properties/p',
    },
    {
      why: 'a schema of another subject, unchanged',
      old: elsewhere({ definitions: { p: string } }),
      next: elsewhere({ definitions: { p: string } }),
      backward: '',
      forward: '',
    },
  ])
})

describe('B4: compatibility of JSON Schema: older drafts and newer words', () => {
  const draft4 = { $schema: 'http://json-schema.org/draft-04/schema#' }
  holdVerdicts('json-schema', [
    ...pairs(
      [
        ['draft 4 knows no const', { const: 1 }, { const: 2 }, '', ''],
        [
          'draft 4 finds its ids',
          object({ a: string }),
          object({ a: { $ref: '#/definitions/s' } }, { definitions: { s: string } }),
          '',
          '',
        ],
      ],
      draft4,
    ),
    ...pairs([
      [
        'unevaluated properties are refused',
        object({}),
        object({}, { unevaluatedProperties: false }),
        'UNEVALUATED_PROPERTIES_REMOVED #/unevaluatedProperties',
        '',
      ],
      [
        'unevaluated properties are narrowed',
        object({}),
        object({}, { unevaluatedProperties: string }),
        'UNEVALUATED_PROPERTIES_NARROWED #/unevaluatedProperties',
        '',
      ],
      [
        'unevaluated properties widen',
        object({}, { unevaluatedProperties: integer }),
        object({}, { unevaluatedProperties: number }),
        '',
        'TYPE_NARROWED #/unevaluatedProperties',
      ],
    ]),
  ])
})

describe('B4: compatibility of JSON Schema: words', () => {
  it('are those of Confluent’s registry', () => {
    const text = (schema: unknown) => ({ text: JSON.stringify(schema), references: [] })
    const told = differences(
      'json-schema',
      text(object({ a: string }, closed)),
      text(object({ a: string, b: string }, closed)),
    )
    assert.deepEqual(told, [
      {
        rule: 'PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL',
        path: '#/properties/b',
        description:
          "The new has a closed content model and is missing a property or item present at path '#/properties/b' in the old schema",
        message:
          '{errorType:"PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL", description:"The new has a closed content model and is missing a property or item present at path \'#/properties/b\' in the old schema"}',
      },
    ])
  })
})
