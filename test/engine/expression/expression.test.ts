import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { maxExpressionDepth } from '../../../src/engine/expression/parser.ts'
import { result, run } from './run.ts'

const payload = {
  t: 21.5,
  n: 7,
  zero: 0,
  negative: -3,
  big: 9007199254740991,
  text: 'Grüße 😀!',
  name: 'press-7',
  empty: '',
  yes: true,
  no: false,
  nothing: null,
  list: [1, 2, 3],
  words: ['b', 'a'],
  nested: { a: { b: 5 }, 'odd name': 1 },
  if: 'reserved',
}

/** Expression, value. A text that begins with `!` is a failure of the message. */
const values: [string, unknown][] = [
  // literals
  ['1', 1],
  ['-1', -1],
  ['0x1F', 31],
  ['-0x10', -16],
  ['1.5', 1.5],
  ['.5', 0.5],
  ['1e3', 1000],
  ['1.5E-2', 0.015],
  ['9223372036854775807', 9223372036854775807n],
  ['-9223372036854775808', -9223372036854775808n],
  ['"a"', 'a'],
  ["'it''s'", "! E202 expected an operator or the end, found `'s'`"],
  ["'a\"b'", 'a"b'],
  ['"\\n\\t\\\\\\"\\x41\\u00fc\\U0001F600\\101"', '\n\t\\"Aü😀A'],
  ['r"\\n"', '\\n'],
  ['"""a\n"b"c"""', 'a\n"b"c'],
  ["'''x'''", 'x'],
  ['b"a\\xff"', new Uint8Array([97, 255])],
  ['b"ü"', new Uint8Array([0xc3, 0xbc])],
  ['true', true],
  ['false', false],
  ['null', null],
  ['[1, "a", null]', [1, 'a', null]],
  ['[]', []],
  ['[1, 2,]', [1, 2]],
  ['{"a": 1, "b": [2]}', { a: 1, b: [2] }],
  ['{}', {}],
  ['1 // a comment', 1],
  // arithmetic
  ['1 + 2 * 3', 7],
  ['(1 + 2) * 3', 9],
  ['10 - 2 - 3', 5],
  ['7 / 2', 3],
  ['-7 / 2', -3],
  ['7 % 3', 1],
  ['-7 % 3', -1],
  ['7.0 / 2', 3.5],
  ['payload.n / 2', 3.5],
  ['int(payload.n) / 2', 3],
  ['payload.n % 4', 3],
  ['payload.t * 2', 43],
  ['payload.t + 1', 22.5],
  ['1 + payload.t', 22.5],
  ['1 - payload.t', -20.5],
  ['payload.n - 1 - 1', 5],
  ['-payload.t', -21.5],
  ['- -3', 3],
  ['--3', 3],
  ['2 * -3', -6],
  ['payload.big + 1', 9007199254740992],
  ['9007199254740991 + 1', 9007199254740992n],
  ['9007199254740993 - 2', 9007199254740991],
  ['9223372036854775807 + 1', '! the result does not fit 64 bits'],
  ['9223372036854775807 * 2', '! the result does not fit 64 bits'],
  ['-9223372036854775808 / -1', '! the result does not fit 64 bits'],
  ['3037000500 * 3037000500', '! the result does not fit 64 bits'],
  ['3037000499 * 3037000499', 9223372030926249001n],
  ['1 / 0', '! division by zero'],
  ['1 % 0', '! division by zero'],
  ['1.0 / 0.0', '! division by zero'],
  ['payload.n / payload.zero', '! division by zero'],
  ['payload.n % payload.zero', '! division by zero'],
  ['"a" + "b"', 'ab'],
  ['payload.name + "!"', 'press-7!'],
  ['[1] + [2]', [1, 2]],
  ['payload.list + [4]', [1, 2, 3, 4]],
  ['b"a" + b"b"', new Uint8Array([97, 98])],
  ['payload.name + payload.n', '! cannot add string and number'],
  ['payload.name - payload.n', '! cannot subtract string and number'],
  ['-payload.name', '! cannot negate string'],
  // comparison
  ['1 < 2', true],
  ['2 <= 2', true],
  ['3 > 4', false],
  ['3 >= 3', true],
  ['1 == 1.0', true],
  ['1 != 2', true],
  ['payload.n == 7', true],
  ['payload.n > -40', true],
  ['payload.n >= 7.0', true],
  ['payload.t < payload.n', false],
  ['7 <= payload.n', true],
  ['payload.n == "7"', false],
  ['payload.n != "7"', true],
  ['payload.nothing == null', true],
  ['payload.n == null', false],
  ['"a" < "b"', true],
  ['"a" < "B"', false],
  ['"\\uffff" < "\\U0001F600"', true],
  ['"ab" < "abc"', true],
  ['false < true', true],
  ['b"a" < b"b"', true],
  ['payload.name < payload.n', '! cannot compare string with number'],
  ['payload.name < 3', '! cannot compare string with number'],
  ['payload.nothing < 3', '! cannot compare null with number'],
  ['[1, [2, {"a": 3}]] == [1.0, [2, {"a": 3}]]', true],
  ['{"a": 1, "b": 2} == {"b": 2, "a": 1}', true],
  ['{"a": 1} == {"a": 1, "b": 2}', false],
  ['[1, 2] == [2, 1]', false],
  ['b"ab" == b"ab"', true],
  ['9007199254740993 == 9007199254740992.0', false],
  ['9223372036854775807 == 9223372036854775807', true],
  ['9223372036854775807 > payload.big', true],
  // logic
  ['true && false', false],
  ['true || false', true],
  ['!payload.yes', false],
  ['!!payload.yes', true],
  ['payload.missing && false', false],
  ['false && payload.missing', false],
  ['payload.missing || true', true],
  ['true || payload.missing', true],
  ['payload.missing && true', '! payload has no field `missing`'],
  ['payload.missing || false', '! payload has no field `missing`'],
  ['true && payload.missing', '! payload has no field `missing`'],
  ['payload.n && true', '! `&&` needs a bool, and got number'],
  ['payload.n && false', false],
  ['payload.one || payload.two', '! payload has no field `one`'],
  ['!payload.n', '! `!` needs a bool, and got number'],
  ['payload.yes && payload.n == 7 || payload.no', true],
  ['payload.no && payload.no || payload.yes', true],
  ['payload.yes || payload.no && payload.no', true],
  // choice
  ['payload.yes ? 1 : 2', 1],
  ['payload.no ? 1 : payload.yes ? 2 : 3', 2],
  ['payload.yes ? 1 : payload.missing', 1],
  ['payload.n ? 1 : 2', '! `?` needs a bool, and got number'],
  ['payload.missing ? 1 : 2', '! payload has no field `missing`'],
  // access
  ['payload.nested.a.b', 5],
  ['payload.nested["a"].b', 5],
  ['payload.nested["odd name"]', 1],
  ['payload.nested.`odd name`', 1],
  ['payload.if', 'reserved'],
  ['payload.list[0]', 1],
  ['payload.list[payload.zero]', 1],
  ['payload.list[1 + 1]', 3],
  ['payload.list[3]', '! payload.list has 3 elements, so no element 3'],
  ['payload.list[-1]', '! payload.list has 3 elements, so no element -1'],
  ['payload.list[0.5]', '! a list is read by a whole number, not by number'],
  ['payload.list["a"]', '! a list is read by a whole number, not by string'],
  ['payload.nested[0]', '! an object is read by a string, not by number'],
  ['payload.nested.x', '! payload.nested has no field `x`'],
  ['payload.nested["x"]', '! payload.nested has no field "x"'],
  ['payload.n.x', '! payload.n is number and has no field `x`'],
  ['payload.nothing.x', '! payload.nothing is null and has no field `x`'],
  ['payload.list.x', '! payload.list is list and has no field `x`'],
  ['payload.name[0]', '! payload.name is string and has no elements'],
  ['{"a": 1}.a', 1],
  ['{"a": 1}["a"]', 1],
  ['[1, 2][1]', 2],
  ['has(payload.n)', true],
  ['has(payload.missing)', false],
  ['has(payload.nothing)', true],
  ['has(payload.nested.a)', true],
  ['has(payload.missing.a)', '! payload has no field `missing`'],
  ['has(payload.n.a)', '! payload.n is number and has no field `a`'],
  ['payload.?n.orValue(1)', 7],
  ['payload.?missing.orValue(1)', 1],
  ['payload.?nested.a.b.orValue(0)', 5],
  ['payload.?nested.x.b.orValue(0)', 0],
  ['payload.?missing.a.b.orValue(0)', 0],
  ['payload[?"missing"].orValue("x")', 'x'],
  ['payload.list[?7].orValue(9)', 9],
  ['payload.list[?1].orValue(9)', 2],
  ['payload.?missing.hasValue()', false],
  ['payload.?n.hasValue()', true],
  ['payload.?missing.or(payload.?n).orValue(0)', 7],
  ['payload.?missing.value()', '! the value is absent'],
  ['payload.?n.orValue(payload.missing)', 7],
  ['optional.of(3).orValue(4)', 3],
  ['optional.none().orValue(4)', 4],
  ['payload.?n.a.orValue(0)', '! payload.n is number and has no field `a`'],
  // in
  ['2 in payload.list', true],
  ['2.0 in [1, 2]', true],
  ['9 in payload.list', false],
  ['"a" in payload.words', true],
  ['"n" in payload', true],
  ['"missing" in payload', false],
  ['payload.name in ["x", "press-7"]', true],
  ['payload.n in payload.name', '! `in` needs a list or an object on its right, and got string'],
  // strings
  ['size(payload.text)', 8],
  ['payload.text.size()', 8],
  ['size(payload.list)', 3],
  ['size(payload.nested)', 2],
  ['size(b"abc")', 3],
  ['payload.name.startsWith("press")', true],
  ['payload.name.endsWith("-7")', true],
  ['payload.name.contains("ss-")', true],
  ['payload.name.matches("^press-[0-9]+$")', true],
  ['payload.name.matches("ress")', true],
  ['payload.name.matches("^ress")', false],
  ['"HéLLO".lowerAscii()', 'héllo'],
  ['"héllo".upperAscii()', 'HéLLO'],
  ['"  a b ".trim()', 'a b'],
  ['"abc".replace("b", "$&")', 'a$&c'],
  ['"aaa".replace("a", "b", 2)', 'bba'],
  ['"aaa".replace("a", "b", 0)', 'aaa'],
  ['"ab".replace("", "-")', '-a-b-'],
  ['"a,b,c".split(",")', ['a', 'b', 'c']],
  ['"a,b,c".split(",", 2)', ['a', 'b,c']],
  ['"a,b".split(",", 0)', []],
  ['"😀b".split("")', ['😀', 'b']],
  ['["a", "b"].join("-")', 'a-b'],
  ['["a", "b"].join()', 'ab'],
  ['payload.list.join()', '! join needs a list of strings, and it holds a number'],
  ['payload.text.substring(6)', '😀!'],
  ['payload.text.substring(6, 7)', '😀'],
  ['"abc".substring(1, 2)', 'b'],
  ['"abc".substring(2, 1)', '! 2 to 1 lies outside a string of 3'],
  ['"abc".substring(4)', '! 4 lies outside a string of 3'],
  ['"abc".charAt(1)', 'b'],
  ['"abc".charAt(3)', ''],
  ['"abc".charAt(4)', '! 4 to 3 lies outside a string of 3'],
  ['payload.text.indexOf("!")', 7],
  ['"abab".indexOf("b", 2)', 3],
  ['"abab".lastIndexOf("b")', 3],
  ['"abc".indexOf("x")', -1],
  ['"abc".reverse()', 'cba'],
  ['payload.n.startsWith("a")', '! startsWith() needs a string, and got number'],
  ['"a".startsWith(payload.n)', '! startsWith() needs a string, and got number'],
  // conversions
  ['int(3.9)', 3],
  ['int(-3.9)', -3],
  ['int("42")', 42],
  ['int("-9223372036854775808")', -9223372036854775808n],
  ['int("4.2")', '! "4.2" is not an integer'],
  ['int(1e30)', '! 1e+30 does not fit 64 bits'],
  ['int(payload.nothing)', '! null cannot become an integer'],
  ['double("1.5")', 1.5],
  ['double("x")', '! "x" is not a number'],
  ['double(3) / 2', 1.5],
  ['string(3)', '3'],
  ['string(3.5)', '3.5'],
  ['string(true)', 'true'],
  ['string(b"ab")', 'ab'],
  ['string(b"\\xff")', '! these bytes are not UTF-8'],
  ['string(payload.nothing)', '! null cannot become text'],
  ['string(payload.list)', '! list cannot become text'],
  ['string(time)', '2026-01-02T03:04:05.678Z'],
  ['int(time)', 1767323045],
  ['bool("true")', true],
  ['bool("0")', false],
  ['bool("yes")', '! "yes" is neither true nor false'],
  ['bytes("ü")', new Uint8Array([0xc3, 0xbc])],
  ['base64.encode(b"ab")', 'YWI='],
  ['base64.decode("YWI=")', new Uint8Array([97, 98])],
  ['base64.decode("?")', '! "?" is not base64'],
  // math
  ['math.abs(-3)', 3],
  ['math.abs(payload.negative)', 3],
  ['math.round(2.5)', 3],
  ['math.round(-2.5)', -3],
  ['math.round(0.49999999999999994)', 0],
  ['math.floor(payload.t)', 21],
  ['math.ceil(payload.t)', 22],
  ['math.trunc(-1.5)', -1],
  ['math.sign(-1.5)', -1],
  ['math.greatest(1, payload.t, 3)', 21.5],
  ['math.least(payload.list)', 1],
  ['math.least([])', '! math.least of an empty list'],
  ['math.greatest(payload.words)', '! math.greatest needs numbers, and got a string'],
  ['math.sqrt(9)', 3],
  ['math.isNaN(payload.t)', false],
  // the message
  ['topic', 'plants/oslo/lines/3'],
  ['client', 'press-7'],
  ['username', null],
  ['source', null],
  ['qos', 1],
  ['retain', false],
  ['has(properties.content_type)', false],
]

/** Expression, code, offset, message, suggestion. */
const faults: [string, string, number, string, string?][] = [
  ['', 'E202', 0, 'ends where a value is expected'],
  ['1 +', 'E202', 3, 'ends where a value is expected'],
  ['1 2', 'E202', 2, 'expected an operator or the end, found `2`'],
  ['(1', 'E202', 2, 'ends where `)` is expected'],
  ['a = 1', 'E202', 2, 'unexpected character "=" (equality is ==)'],
  ['true & true', 'E202', 5, 'unexpected character "&" (and is &&)'],
  ['"abc', 'E202', 0, 'this string has no closing quote'],
  ['"a\nb"', 'E202', 0, 'this string has no closing quote'],
  ['"\\q"', 'E202', 1, 'unknown escape \\q'],
  ['"\\ud800"', 'E202', 1, 'this is not a Unicode character'],
  ['18446744073709551616u', 'E202', 0, 'this integer does not fit 64 bits'],
  ['-1u', 'E204', 0, '`-` needs a number, not uint'],
  ['1 + 1u', 'E204', 2, '`+` does not fit int and uint; convert one with int() or uint()'],
  ['9223372036854775808', 'E202', 0, 'this integer does not fit 64 bits'],
  ['99999999999999999999', 'E202', 0, 'this integer does not fit 64 bits'],
  ['12abc', 'E202', 2, 'a number ends before a letter'],
  ['while', 'E202', 0, '`while` is a reserved word'],
  ['has(payload)', 'E202', 0, 'has() takes one field, as in has(payload.temperature)'],
  ['[1, 2', 'E202', 5, 'ends where `,` or `]` is expected'],
  ['payload.', 'E202', 8, 'ends where the name of a field is expected'],
  [`\${payload.n}`, 'E202', 0, 'an expression stands here bare, without the dollar sign and braces of a template'],
  ['paylod.n', 'E203', 0, 'unknown name `paylod`', 'payload'],
  ['constructor', 'E203', 0, 'unknown name `constructor`'],
  ['__proto__', 'E203', 0, 'unknown name `__proto__`'],
  ['"a".startWith("b")', 'E203', 4, 'unknown function `startWith`', 'startsWith'],
  ['"a".constructor("b")', 'E203', 4, 'unknown function `constructor`'],
  ['toString()', 'E203', 0, 'unknown function `toString`', 'string'],
  ['math.rond(1)', 'E203', 5, 'unknown function `math.rond`', 'math.round'],
  ['math', 'E203', 0, '`math` is no value; call one of its functions'],
  ['startsWith("a", "b")', 'E203', 0, '`startsWith` is written x.startsWith(…)'],
  ['payload.n.int()', 'E203', 10, '`int` is written int(x)'],
  ['1 + "a"', 'E204', 2, '`+` does not fit int and string'],
  ['"a" * 2', 'E204', 4, '`*` does not fit string and int'],
  ['"a" < 1', 'E204', 4, '`<` between string and int: without an order'],
  ['[1] < [2]', 'E204', 4, '`<` between list of int and list of int: without an order'],
  ['"a" == 1', 'E204', 4, '`==` between string and int: never equal'],
  ['client == 5', 'E204', 7, '`==` between string and int: never equal'],
  ['1 && true', 'E204', 2, '`&&` needs a bool, not int'],
  ['!"a"', 'E204', 0, '`!` needs a bool, not string'],
  ['-"a"', 'E204', 0, '`-` needs a number, not string'],
  ['1 ? 2 : 3', 'E204', 2, '`?` needs a bool, not int'],
  ['1 in 2', 'E204', 2, '`in` needs a list or an object on its right, not int'],
  ['"a" in [1]', 'E204', 4, '`in` between string and list of int: never found'],
  ['client.x', 'E204', 7, 'string has no fields, so no `x`'],
  ['client[0]', 'E204', 6, 'string has no elements'],
  ['[1]["a"]', 'E204', 4, 'list of int is read by a number, not by string'],
  ['{1.5: 2}', 'E204', 1, 'the keys of a map are strings, whole numbers or bools, not number'],
  ['size(1)', 'E204', 5, 'size() needs a string, a list, an object or bytes here, not int'],
  ['size()', 'E204', 0, 'size() takes 1 arguments, not 0'],
  ['"a".substring()', 'E204', 4, 'substring() takes 1 to 2 arguments, not 0'],
  ['qos.startsWith("a")', 'E204', 0, 'startsWith() needs a string here, not int'],
  ['"a".matches("(")', 'E204', 12, 'not a pattern RE2 knows: error parsing regexp: missing closing ): `(`'],
  [
    '"a".matches("(?=a)")',
    'E204',
    12,
    'not a pattern RE2 knows: error parsing regexp: invalid or unsupported Perl syntax: `(?=`',
  ],
  ['payload.?x == 1', 'E204', 9, 'this value may be absent: say what then, with .orValue(…)'],
  [
    'payload.?x.startsWith("a")',
    'E204',
    11,
    'this value may be absent: say what then, with .orValue(…), before .startsWith()',
  ],
  ['payload.x.orValue(1)', 'E204', 10, '.orValue() is for optional values, as payload.?x gives'],
  ['properties.contenttype', 'E217', 11, 'unknown field `contenttype` in properties', 'content_type'],
]

describe('expressions', () => {
  for (const [text, expected] of values) {
    it(`${text} is ${typeof expected === 'bigint' ? expected : JSON.stringify(expected)}`, () => {
      assert.deepEqual(result(text, payload), expected)
    })
  }
})

describe('faulty expressions', () => {
  for (const [text, code, offset, message, suggestion] of faults) {
    it(`${JSON.stringify(text)} is ${code} at ${offset}`, () => {
      const ran = run(text)
      assert.ok('faults' in ran, `${text} was compiled`)
      assert.deepEqual(ran.faults[0], { code, offset, message, ...(suggestion === undefined ? {} : { suggestion }) })
    })
  }

  it('are all told at once', () => {
    const ran = run('nme + payload.x.lenght() && 1')
    assert.ok('faults' in ran)
    assert.deepEqual(
      ran.faults.map((fault) => [fault.code, fault.offset]),
      [
        ['E203', 0],
        ['E203', 16],
        ['E204', 25],
      ],
    )
  })

  it('that nest too deeply are refused, whatever nests', () => {
    for (const [open, close] of [
      ['(', ')'],
      ['[', ']'],
      ['!', ''],
      ['true ? true : ', 'false'],
      ['size(', ')'],
    ] as const) {
      const text = `${open.repeat(maxExpressionDepth + 1)}true${close.repeat(open.startsWith('true') ? 0 : maxExpressionDepth + 1)}`
      const ran = run(text)
      assert.ok('faults' in ran && ran.faults[0]!.message.startsWith('nested deeper'), text)
    }
    assert.ok('faults' in run(`1${' + 1'.repeat(600)}`))
    assert.ok('faults' in run(`payload${'.a'.repeat(100)}`))
    assert.ok('faults' in run(`"${'a'.repeat(20_000)}"`))
    assert.equal(result(`1${' + 1'.repeat(500)}`), 501)
  })
})

describe('failures of a message', () => {
  it('carry the place of what failed', () => {
    const place = (text: string) => (run(text, payload) as { offset: number }).offset
    assert.equal(place('payload.yes && payload.missing > 3'), 23)
    assert.equal(place('payload.n / payload.zero'), 10)
    assert.equal(place('payload.n.startsWith("a")'), 8)
    assert.equal(place('payload.missing || payload.other'), 8)
    assert.equal(place('"ab".substring(7)'), 5)
  })

  it('of a payload that is not JSON or not UTF-8 are E402', () => {
    for (const bytes of ['', 'hello', '{"a":', '\xff']) {
      const ran = run('payload.a', Buffer.from(bytes, 'latin1'))
      assert.ok('failure' in ran && ran.code === 'E402', bytes)
      assert.match(ran.failure, /^payload is not valid JSON: /)
    }
  })

  it('of the payload do not touch expressions that never read it', () => {
    assert.deepEqual(run('client', Buffer.from('no json')), { value: 'press-7', type: 'string' })
  })
})

describe('names of prototypes', () => {
  const names = [
    'constructor',
    '__proto__',
    'toString',
    'hasOwnProperty',
    'length',
    'valueOf',
    'map',
    'buffer',
    'epochMs',
    'durationMs',
    'unsigned',
    'present',
    'typeName',
    'keyed',
    'toJSON',
  ]

  it('are missing fields unless the payload holds them', () => {
    for (const name of names) {
      assert.equal(result(`payload.${name}`), `! payload has no field \`${name}\``)
      assert.equal(result(`payload["${name}"]`), `! payload has no field "${name}"`)
      assert.equal(result(`has(payload.${name})`), false)
      assert.equal(result(`"${name}" in payload`), false)
      assert.equal(result(`payload.?${name}.orValue(1)`), 1)
      assert.equal(result(`{"a": 1}.${name}`), `! the value has no field \`${name}\``)
      assert.match(String(result(`payload.s.${name}`, { s: 'x' })), /is string and has no field/)
      assert.match(String(result(`payload.l.${name}`, { l: [1] })), /is list and has no field/)
      assert.match(String(result(`dyn(b"a").${name}`)), /is bytes and has no field/)
      assert.match(String(result(`dyn(time).${name}`)), /is timestamp and has no field/)
      assert.match(String(result(`dyn(time - time).${name}`)), /is duration and has no field/)
      assert.match(String(result(`dyn(1u).${name}`)), /is number and has no field/)
      assert.match(String(result(`dyn(int).${name}`)), /is type and has no field/)
      assert.equal(result(`{1: 2}.${name}`), `! the value has no field \`${name}\``)
    }
  })

  it('are plain data where the payload holds them', () => {
    for (const name of names) {
      const bytes = Buffer.from(`{"${name}": 5}`)
      assert.equal(result(`payload.${name}`, bytes), 5)
      assert.equal(result(`payload["${name}"] + 1`, bytes), 6)
      assert.equal(result(`has(payload.${name})`, bytes), true)
      assert.equal(result(`payload == {"${name}": 5}`, bytes), true)
    }
  })

  it('are keys like others to macros, and names like others for their variables', () => {
    for (const name of names) {
      const bytes = Buffer.from(`{"${name}": 5}`)
      assert.deepEqual(result('payload.map(k, k)', bytes), [name])
      assert.deepEqual(result('payload.transformMap(k, v, v + 1) == payload.transformMap(k, v, 6)', bytes), true)
      assert.deepEqual(Object.keys(result('payload.transformMap(k, v, v)', bytes) as object), [name])
      assert.deepEqual(Object.keys(result('[payload, 1u][0]', bytes) as object), [name])
      assert.deepEqual(result(`[1].map(${name}, ${name})`), [1])
    }
  })

  it('in an object literal are its own fields and change no prototype', () => {
    assert.equal(result('{"__proto__": {"x": 1}}.__proto__.x'), 1)
    assert.equal(result('has({"__proto__": {"x": 1}}.x)'), false)
    assert.equal(({} as { x?: unknown }).x, undefined)
  })
})

describe('B2: the budget', () => {
  it('ends expressions whose cost grows with the message', () => {
    const text = 'x'.repeat(200_000)
    const list = Array.from({ length: 200_000 }, () => [1])
    const doubled = `${'(payload.t + '.repeat(20)}payload.t${')'.repeat(20)}`
    for (const expression of [
      'payload.t.replace("x", payload.t)',
      'payload.t.split("").join(payload.t)',
      'payload.l == payload.other',
      '[2] in payload.l',
      doubled,
    ]) {
      const ran = run(expression, { t: text, l: list, other: list }, { budget: 100_000 })
      const why = 'failure' in ran ? ran.failure : JSON.stringify(ran).slice(0, 80)
      assert.equal(why, 'the expression takes too many steps on this message', expression)
    }
  })

  it('is ample for honest work', () => {
    assert.equal(result('payload.split(",").join(";").size()', 'a,'.repeat(5_000)), 10_000)
  })

  it('keeps patterns linear that hold other engines for minutes', () => {
    const started = performance.now()
    assert.equal(result('payload.matches("^(([a-z])+.)+[A-Z]([a-z])+$")', 'a'.repeat(20_000)), false)
    assert.ok(performance.now() - started < 2_000)
  })
})
