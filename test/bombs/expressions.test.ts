import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { toJson } from '../../src/engine/encoding/plain-data.ts'
import { compileExpression } from '../../src/engine/expression/expression.ts'
import { standardNames } from '../../src/engine/expression/names.ts'
import { Scope } from '../../src/engine/expression/scope.ts'
import { dyn } from '../../src/engine/expression/type.ts'
import { failed } from '../../src/engine/expression/value.ts'
import { messageWith } from '../engine/expression/run.ts'
import { defuse } from './bomb.ts'

const long = 'a'.repeat(100_000)
const many = Array.from({ length: 1_000 }, (_, at) => at)
const huge = Array.from({ length: 50_000 }, (_, at) => ({ at, name: `n${at % 7}` }))

const payload = {
  many,
  huge,
  twin: structuredClone(huge),
  long,
  half: `${'a'.repeat(25_000)}b${'a'.repeat(25_000)}`,
  coins: Array.from({ length: 20_000 }, (_, at) =>
    createHash('sha1').update(`${at}`).digest()[0]! > 127 ? 'a' : 'b',
  ).join(''),
  words: Array.from({ length: 2_000 }, (_, at) => `${long.slice(0, 500)}${at}`),
  /** One zone in a thousand spellings, which are all legal. */
  zones: many.map((at) =>
    Array.from('America/Los_Angeles', (letter, bit) =>
      (Math.imul(at, 2_654_435_761) >>> bit) & 1 ? letter.toUpperCase() : letter,
    ).join(''),
  ),
  deep: '['.repeat(100_000),
  digits: '9'.repeat(100_000),
  commas: ','.repeat(100_000),
  quotes: '"'.repeat(99_999),
  format: '%s'.repeat(20_000),
  corners: Array.from({ length: 20_000 }, (_, at) => [at % 90, at % 180]),
}
// Decoded before: how long that takes is asked of payloads (payloads.test.ts).
const names = new Map(standardNames(dyn)).set('payload', { type: dyn, depends: 'message', read: () => payload })
const message = messageWith({})
const scope = new Scope()

/** `x` made twice as large, so many times over: `cel.bind(x1, x0 + x0, cel.bind(x2, x1 + x1, …))`. */
function doubled(first: string, times: number, twice: (name: string) => string, end: (name: string) => string): string {
  let text = end(`x${times}`)
  for (let at = times; at > 0; at--) text = `cel.bind(x${at}, ${twice(`x${at - 1}`)}, ${text})`
  return `cel.bind(x0, ${first}, ${text})`
}
const plus = (name: string) => `${name} + ${name}`
const pair = (name: string) => `[${name}, ${name}]`

/** How it ends, and the expression. `spent`: the budget ends it; `faulty`: refused at load; `fails`, `fine`: as it says. */
const bombs: readonly (readonly [name: string, ends: 'spent' | 'faulty' | 'fails' | 'fine', text: string])[] = [
  // loops
  ['three nested macros', 'spent', 'payload.many.map(a, payload.many.map(b, payload.many.map(c, a + b + c)))'],
  [
    'nested existence',
    'spent',
    'payload.many.exists(a, payload.many.exists(b, payload.many.exists(c, a + b + c < 0)))',
  ],
  [
    'a macro within a condition',
    'spent',
    'payload.many.filter(a, payload.many.all(b, payload.many.exists(c, c == a + b)))',
  ],
  ['a loop over a loop made of a range', 'spent', 'lists.range(900000).map(a, lists.range(1000))'],
  ['a search in a list for each of it', 'spent', 'payload.huge.all(a, a in payload.huge)'],
  ['a comparison of lists for each item', 'spent', 'payload.many.all(a, payload.huge == payload.twin)'],
  ['a digest of much for each item', 'spent', 'payload.many.map(a, hash.sha512(payload.long + string(a)))'],
  ['a checksum of much for each item', 'spent', 'payload.many.map(a, hash.crc16_modbus(payload.long))'],
  [
    'a border of many corners for each item',
    'spent',
    'payload.many.filter(a, geo.within(a / 100, 1, payload.corners))',
  ],
  ['a time zone never asked for, for each item', 'spent', 'payload.zones.map(a, time.getHours(a))'],
  ['an identifier for each item', 'spent', 'payload.many.map(a, payload.many.map(b, uuid.v5("dns", string(a))))'],
  // growth
  ['a string doubled 40 times', 'spent', doubled('"ab"', 40, plus, (x) => `${x}.size()`)],
  ['a list doubled 40 times', 'spent', doubled('[1]', 40, plus, (x) => `${x}.size()`)],
  ['bytes doubled 40 times', 'spent', doubled('b"ab"', 40, plus, (x) => `${x}.size()`)],
  ['a tree of shared lists, written as JSON', 'spent', doubled('[1]', 40, pair, (x) => `to_json(${x}).size()`)],
  ['a tree of shared lists, shown', 'spent', doubled('[1]', 40, pair, (x) => `"%s".format([${x}]).size()`)],
  [
    'a tree of shared lists, compared',
    'spent',
    `${doubled('[1]', 25, pair, (x) => x)} == ${doubled('[1]', 25, pair, (x) => x)}`,
  ],
  ['a tree of shared lists, made flat', 'spent', doubled('[1]', 40, pair, (x) => `${x}.flatten(64).size()`)],
  ['a tree of shared lists, as the result', 'spent', doubled('[1]', 40, pair, (x) => x)],
  ['every character replaced by the whole', 'spent', 'payload.long.replace("", payload.long)'],
  ['every match replaced by the whole', 'spent', 'regex.replace(payload.long, "a", payload.long)'],
  [
    'a pattern’s group repeated',
    'spent',
    'regex.replace(payload.long, "(.*)", r"\\1\\1\\1\\1\\1\\1\\1\\1\\1\\1".replace("", r"\\1\\1\\1\\1"))',
  ],
  ['a list joined by much', 'spent', 'payload.many.map(a, "x").join(payload.long)'],
  ['a filling without end', 'spent', '"x".pad_start(1000000000, "ab")'],
  ['a range without end', 'spent', 'lists.range(1000000000)'],
  ['digits of digits', 'spent', `${'hex.encode('.repeat(20)}payload.long${')'.repeat(20)}`],
  ['signs of signs', 'spent', `${'url.encode('.repeat(20)}url.encode(payload.commas)${')'.repeat(20)}`],
  ['quotes of quotes', 'spent', `${'to_json('.repeat(24)}payload.quotes${')'.repeat(24)}`],
  ['decimals without end', 'faulty', '"%.1000000000f".format([1.5])'],
  ['decimals without end, from the message', 'fails', '("%.100000000" + "0f").format([1.5])'],
  ['a format of many parts', 'spent', 'payload.format.format(lists.range(20000).map(a, payload.long))'],
  // searches
  ['a part searched at every place', 'spent', 'payload.long.contains(payload.half)'],
  ['the last of a part searched at every place', 'spent', 'payload.long.lastIndexOf(payload.half)'],
  ['a part split at, at every place', 'spent', 'payload.long.split(payload.half).size()'],
  [
    'long strings that differ at their ends, sorted',
    'spent',
    'payload.words.map(a, a).sort().map(b, payload.words.sort())',
  ],
  ['many objects, each once', 'spent', 'payload.huge.distinct()'],
  ['many objects in many others', 'spent', 'sets.contains(payload.huge, payload.huge.map(a, {"at": a.at + 1}))'],
  // patterns
  ['a pattern that backtracks', 'fine', 'payload.long.matches("(a+)+$")'],
  ['a pattern of ever new states', 'spent', 'payload.coins.matches("(a|b)*a(a|b){20}[cd]")'],
  ['a pattern of many optional parts', 'spent', 'payload.long.matches("(a?){200}a{200}b|c$")'],
  ['a pattern that is searched for from every place', 'spent', 'regex.extractAll(payload.long, "a*b|a")'],
  [
    'a pattern that the message brings, for each item',
    'spent',
    'payload.many.exists(a, payload.long.matches("(x{" + string(a) + "}|y)+z"))',
  ],
  ['a pattern as large as its repetitions', 'faulty', '"a".matches("((a{100}){100}){100}")'],
  ['a pattern as large as its text', 'faulty', `"a".matches("${'\\\\pL'.repeat(400)}")`],
  // texts that are read
  ['JSON that nests', 'fails', 'parse_json(payload.deep)'],
  ['JSON read for each item', 'spent', 'payload.many.map(a, parse_json(to_json(payload.huge)))'],
  ['digits for an integer', 'fails', 'int(payload.digits)'],
  ['digits for a number', 'fails', 'double(payload.digits)'],
  ['digits for a duration', 'fails', 'duration(payload.digits + "h")'],
  ['digits for a time', 'fails', 'timestamp(payload.digits)'],
  ['cells without end', 'fine', 'parse_csv_line(payload.commas).size()'],
  ['quotes without end', 'fails', 'parse_csv_line(payload.quotes)'],
  // the text of the expression itself
  ['parentheses within each other', 'faulty', `${'('.repeat(8_000)}1${')'.repeat(8_000)}`],
  ['negations of negations', 'faulty', `${'!'.repeat(16_000)}true`],
  ['lists within each other', 'faulty', `${'['.repeat(8_000)}${']'.repeat(8_000)}`],
  ['a row of fields', 'faulty', `payload${'.a'.repeat(8_000)}`],
  ['conditions within each other', 'faulty', `${'true ? '.repeat(2_000)}1${' : 2'.repeat(2_000)}`],
  ['a row of sums', 'faulty', `1${' + 1'.repeat(3_000)}`],
  ['a row of conditions', 'faulty', `true${' && true'.repeat(1_900)}`],
  ['a long list', 'fine', `[${'1,'.repeat(8_000)}1].size()`],
  ['a large map', 'fine', `{${Array.from({ length: 1_500 }, (_, at) => `"k${at}": 1`).join()}}.size()`],
  ['digits that stand there', 'faulty', '9'.repeat(16_000)],
  ['decimals that stand there', 'fine', `0.${'9'.repeat(16_000)}`],
  ['an exponent that stands there', 'fine', '1e-999999999'],
  ['more text than there may be', 'faulty', `"${'x'.repeat(1_000_000)}"`],
  ['binds within each other', 'faulty', doubled('1', 500, plus, (x) => x)],
  // names of JavaScript
  ['a prototype', 'fails', 'payload.many.__proto__ == 1'],
  ['a constructor', 'faulty', 'payload.constructor.constructor("return 1")() == 1'],
  ['a constructor’s name', 'fails', 'payload["constructor"] == 1'],
]

/** How an evaluation ended; a string is the reason of a failure. */
function evaluate(
  expression: NonNullable<ReturnType<typeof compileExpression>['compiled']>,
): string | { value: unknown } {
  scope.begin(message)
  scope.beginRule([], 0)
  const value = expression.evaluate(scope)
  // What a rule does with it: shared parts are written out.
  const written = value === failed ? failed : toJson(scope, scope.site, value)
  return written === failed ? `${scope.code} ${scope.reason}` : { value }
}

describe('B2: no expression', () => {
  for (const [name, ends, text] of bombs) {
    it(`blocks: ${name}`, () => {
      const { compiled, faults } = defuse('compiling', () =>
        compileExpression({ text, origin: { path: ['where'] } }, names),
      )
      if (ends === 'faulty') {
        assert.match(faults[0]?.code ?? 'no fault', /^E20[234]$/)
        return
      }
      assert.ok(compiled !== null, faults[0]?.message)
      const ended = defuse('evaluating', () => evaluate(compiled))
      if (ends === 'fine') assert.equal(typeof ended, 'object', JSON.stringify(ended).slice(0, 200))
      else if (ends === 'spent') assert.equal(ended, 'E403 the expression takes too many steps on this message')
      else assert.match(String(ended), /^E403 (?!the expression takes too many)/)
    })
  }
})
