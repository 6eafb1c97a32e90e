import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { result, run } from '../run.ts'

const payload = {
  text: 'Grüße 😀!',
  status: 12,
  list: [3, 1, 2],
  mixed: [1, 'a'],
  nan: 'NaN',
  frame: 'EgCrzQ==',
  lat: 59.91,
  at: 1767323045678,
  zone: 'Europe/Oslo',
  pattern: '(',
  unit: 'F',
  nested: { a: [1, { b: null }] },
}

/** Expression, value. A text that begins with `!` is a failure of the message. */
const values: readonly (readonly [string, unknown])[] = [
  // text
  ['payload.text.indexOf("😀")', 6],
  ['payload.text.indexOf("x", 20)', '! 20 lies outside a string of 8'],
  ['payload.text.lastIndexOf("ß", 3)', 3],
  ['payload.text.reverse()', '!😀 eßürG'],
  ['"aXbXc".replace("X", "-", 1)', 'a-bXc'],
  ['"ab".replace("", "_")', '_a_b_'],
  ['"a,b,c".split(",", 2)', ['a', 'b,c']],
  ['"\\u0085\\u3000x\\ufeff".trim()', 'x\ufeff'],
  ['"x".pad_start(4, "ab")', 'abax'],
  ['"x".pad_start(4, payload.text.substring(0, 0))', '! there is nothing to fill up with'],
  ['payload.mixed.join()', '! join needs a list of strings, and it holds a number'],
  ['strings.quote("a\\"b\\t")', '"a\\"b\\t"'],
  // format
  ['"%s".format([payload.nested])', '{a: [1, {b: null}]}'],
  ['"%d|%x|%b|%o".format([payload.status, payload.status, payload.status, payload.status])', '12|c|1100|14'],
  ['"%.0f %.0f %.2f".format([2.5, 3.5, 1.005])', '2 4 1.00'],
  ['"%.3e".format([12345.678])', '1.235e+04'],
  ['"%d".format([payload.text])', '! %d cannot show string'],
  ['"%s %s".format([1])', '! the format takes more than the 1 values it got'],
  ['"%s".format([1e21])', '1000000000000000000000'],
  ['"%s".format([1e-7])', '0.0000001'],
  ['"%f".format([1e22])', '10000000000000000000000.000000'],
  // patterns
  ['payload.text.matches("^\\\\p{L}+ .!$")', true],
  ['payload.text.matches(payload.pattern)', '! not a pattern RE2 knows: error parsing regexp: missing closing ): `(`'],
  ['regex.replace("banana", "a", "x", 2)', 'bxnxna'],
  ['regex.replace("banana", "a|", "-")', '-b-n-n-'],
  ['regex.replace("ab", "(a)(x)?", r"[\\1\\2]")', '[a]b'],
  ['regex.replace("ab", "a", r"\\1")', '! the pattern has 0 groups, and no \\1'],
  ['regex.replace("ab", "a", r"\\x")', "! in the replacement, \\ stands before a group's number or another \\"],
  ['regex.extract("HELLO", "hello").orValue("none")', 'none'],
  ['regex.extract("id 42", "[0-9]+").value()', '42'],
  ['regex.extractAll("a1b22", "[0-9]+")', ['1', '22']],
  // topics
  ['topic.level(1)', 'oslo'],
  ['topic.level(-2)', 'lines'],
  ['topic.level(4)', '! "plants/oslo/lines/3" has no level 4'],
  ['"/a".level(0) + "|" + "/a".level(-2)', '|'],
  ['"/a".level(-3)', '! "/a" has no level -3'],
  ['topic.fits("plants/#") && !topic.fits("plants/+")', true],
  // numbers
  ['math.round(2.345, 2)', 2.35],
  ['math.round(-2.5)', -3],
  ['math.round(1.005, 2)', 1.01],
  ['math.round(1.5, 99)', '! a number can be rounded to 0 to 15 decimals'],
  ['math.ln(payload.status - 12)', '! math.ln has no value at 0'],
  ['math.pow(10, 400)', '! math.pow has no value at 10, 400'],
  ['math.scale(4, [4, 4], [0, 1])', '! nothing can be scaled from a range of 4 to 4'],
  ['math.clamp(5, 3, 1)', '! nothing lies between 3 and 1'],
  ['math.greatest(payload.list)', 3],
  ['math.least(payload.mixed)', '! math.least needs numbers, and got a string'],
  ['math.mean(payload.list)', 2],
  ['math.mean([])', '! math.mean of an empty list'],
  ['math.bitAnd(payload.status, 4) != 0', true],
  ['math.bitXor(-1, 1)', -2],
  ['math.bitNot(0u)', 18446744073709551615n],
  ['math.bitShiftRight(-1024, 3)', 2305843009213693824n],
  ['math.bitShiftLeft(1, 64)', 0],
  ['math.bitShiftLeft(1, -1)', '! bits cannot be shifted by -1; there is a shift the other way'],
  ['math.bitAnd(1.5, 1)', '! math.bitAnd() needs a whole number, and got number'],
  // units
  ['convert(payload.status, "psi", "bar")', 0.82737087518016],
  ['convert(32, payload.unit, "C")', 0],
  ['convert(-40, "F", "C")', -40],
  ['convert(0, "C", "K")', 273.15],
  ['convert(1, "in", "cm")', 2.54],
  ['convert(36, "km/h", "m/s")', 10],
  ['convert(1, payload.unit, "m")', '! F is a unit of temperature, and m one of length'],
  ['convert(1, payload.text, "m")', '! "Grüße 😀!" is no unit'],
  // lists and sets
  ['payload.list.sort()', [1, 2, 3]],
  ['payload.mixed.sort()', '! a list of number and string has no order'],
  ['[[1], [2]].sort()', '! a list of list has no order'],
  ['["b", "a"].sort()', ['a', 'b']],
  ['[1, 1.0, 1u, "1", 2].distinct().size()', 3],
  ['[{"a": 1}, {"a": 1.0}, [1]].distinct()', [{ a: 1 }, [1]]],
  ['payload.list.slice(1)', [1, 2]],
  ['payload.list.slice(2, 9)', '! 2 to 9 lies outside 3 elements'],
  ['[].first().orValue("none")', 'none'],
  ['[1, [2, [3]]].flatten(2)', [1, 2, 3]],
  ['[1].flatten(-1)', '! a list is flattened by 0 levels or more'],
  ['lists.range(-1)', '! a range has no negative length'],
  ['sets.contains([1, 2.0, "a"], [2])', true],
  ['sets.equivalent([], [1])', false],
  // times
  ['timestamp_ms(payload.at).strftime("%Y-%m-%d %H:%M:%S.%L %z", payload.zone)', '2026-01-02 04:04:05.678 +0100'],
  ['time.getHours(payload.zone)', 4],
  ['time.getHours("-08:00")', 19],
  ['time.getHours(payload.text)', '! "Grüße 😀!" is no time zone: write Europe/Oslo, UTC or +02:00'],
  ['timestamp("2026-06-30T22:30:00Z").getDayOfYear("Europe/Oslo")', 181],
  ['timestamp("2026-03-29T01:30:00Z").getHours("Europe/Oslo")', 3],
  [
    'timestamp("2026-02-30T00:00:00Z" + "")',
    '! "2026-02-30T00:00:00Z" is no time as RFC 3339 writes it: 2026-01-02T03:04:05Z',
  ],
  ['timestamp("99999-01-01T00:00:00Z" + "")', '! 99999-01-01T00:00:00Z is out of the range of years 1 to 9999'],
  ['string(duration("1h1.5s"))', '3601.5s'],
  ['string(duration("-1ns"))', '-0.000000001s'],
  ['duration("1x" + "")', '! "1x" is no span of time: write 1h30m, 2.5s or 10ms'],
  ['duration("3h").getHours("UTC")', '! a duration lies in no time zone'],
  ['time.floor_to(duration("1h")) == timestamp("2026-01-02T03:00:00Z")', true],
  ['time.floor_to(duration("0s"))', '! a window is whole milliseconds long'],
  // binary payloads
  ['base64.decode(payload.frame).uint16_be(2)', 0xabcd],
  ['base64.decode(payload.frame).uint16_be(3)', '! 2 bytes at 3 lie outside of 4'],
  ['base64.decode(payload.frame).int8(2)', -85],
  ['base64.decode(payload.frame).bits(16, 12)', 0xabc],
  ['base64.decode(payload.frame).bits(30, 4)', '! 1 to 53 bits can be read, and bits 30 to 34 must lie within 32'],
  ['payload.status.bits(2, 2)', 3],
  ['(-1).bits(0, 8)', 255],
  ['b"\\x99\\x98".bcd()', 9998],
  ['b"\\x9a".bcd()', '! 9a are not decimal digits'],
  [
    'b"\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff".uint64_le(0)',
    '! 18446744073709551615 does not fit 64 bits with a sign',
  ],
  ['b"\\x7f\\xff\\xff\\xff\\xff\\xff\\xff\\xff".int64_be(0)', 9223372036854775807n],
  ['b"abc".swap_words()', '! 3 bytes are not whole groups of 4'],
  ['b"abcd".slice(1, 3).reverse() == b"cb"', true],
  ['payload.status.signed(4)', -4],
  // JSON, encodings, digests, identifiers, places
  ['parse_json("[1, {\\"a\\": null}]")', [1, { a: null }]],
  ['parse_json("[1,")', '! "[1," is not JSON: Unexpected end of JSON input'],
  ['parse_json("{\\"__proto__\\": 1}")["__proto__"]', 1],
  ['to_json([1, 1u, 2.5, b"a", time, {"b": null}])', '[1,1,2.5,"YQ==","2026-01-02T03:04:05.678Z",{"b":null}]'],
  ['to_json(double(payload.nan))', '! NaN cannot be written as JSON'],
  ['to_json(9223372036854775807)', '9223372036854775807'],
  ['parse_csv_line("a;\\"b;\\"\\"c\\"\\"\\";", ";")', ['a', 'b;"c"', '']],
  ['parse_csv_line("\\"a")', '! a quote is never closed in "\\"a"'],
  ['parse_csv_line("\\"a\\"b")', '! a cell goes on behind its closing quote in "\\"a\\"b"'],
  ['hex.decode("zz")', '! "zz" is not made of pairs of hexadecimal digits'],
  ['base64.decode("a")', '! "a" is not base64'],
  ['base64.decode("_-8") == b"\\xff\\xef"', true],
  ['url.decode("%ff")', '! "%ff" has percent signs that stand for no UTF-8'],
  ['hash.sha1(b"a") == hash.sha1("a")', true],
  ['hash.crc16_modbus(b"\\x01\\x04\\x02\\xff\\xff")', 0x80b8],
  ['uuid.v5("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "a") == uuid.v5("dns", "a")', true],
  ['uuid.v7() == uuid.v7()', true],
  ['uuid.v7().startsWith("019b7ca9-8f2e-7")', true],
  ['geo.distance(payload.lat, 10.75, payload.lat, 10.75)', 0],
  ['geo.distance(91, 0, 0, 0)', '! a latitude lies between -90 and 90, and this is 91'],
  ['geo.hash(0, 0, 13)', '! a geohash has 1 to 12 characters'],
  ['geo.within(4, 1, [[0, 0], [0, 3], [3, 3], [3, 0]])', false],
  ['geo.within(0, 0, [[0, 0], [0, 3], "x"])', '! a corner is [latitude, longitude]'],
]

/** Expression, the fault that is found before any message. */
const faults: readonly (readonly [string, string])[] = [
  ['payload.text.matches("(")', 'not a pattern RE2 knows: error parsing regexp: missing closing ): `(`'],
  [
    'regex.extract(payload.text, "(a)(b)")',
    'the pattern has more than one group, so which to extract is not clear; write (?:…)',
  ],
  ['"x".matches("(?=a)")', 'not a pattern RE2 knows: error parsing regexp: invalid or unsupported Perl syntax: `(?=`'],
  ['"%q".format([1])', '%q is no part of a format; there are %s %d %f %e %x %X %o %b %%'],
  ['"%.1000000f".format([1])', '%.1000000f: only %f and %e have a precision, of 100 at most'],
  ['convert(1, "f", "C")', '"f" is no unit'],
  ['convert(1, "F", "m")', 'F is a unit of temperature, and m one of length'],
  ['time.getHours("Mars/Olympus")', '"Mars/Olympus" is no time zone: write Europe/Oslo, UTC or +02:00'],
  ['time.strftime("%Q")', '%Q is no part of a time; there are %Y %y %m %d %j %H %M %S %L %a %A %b %B %z %s %%'],
  ['timestamp("yesterday")', '"yesterday" is no time as RFC 3339 writes it: 2026-01-02T03:04:05Z'],
  ['duration("soon")', '"soon" is no span of time: write 1h30m, 2.5s or 10ms'],
  ['topic.fits("a/#/b")', 'this filter has # before its end; # must be the last character'],
  ['uuid.v5("nope", "a")', '"nope" is no namespace of UUIDs: there are dns, url, oid, x500, and UUIDs'],
  ['parse_csv_line("a", ",,")', 'a separator is one character'],
  ['"a".uint8(0)', 'uint8() needs bytes here, not string'],
  ['math.bitand(1, 2)', 'unknown function `math.bitand`'],
]

describe('B2: functions', () => {
  for (const [text, expected] of values) {
    it(`${text} is ${JSON.stringify(expected, (_, value) => (typeof value === 'bigint' ? `${value}` : value))}`, () => {
      assert.deepEqual(result(text, payload), expected)
    })
  }

  for (const [text, message] of faults) {
    it(`${text} is refused at load`, () => {
      const ran = run(text, payload)
      assert.ok('faults' in ran, text)
      assert.equal(ran.faults[0]!.message, message)
    })
  }

  it('that read the message are never taken for constants of its topic', () => {
    const first = result('uuid.v7()', { a: 1 })
    assert.notEqual(first, result('uuid.v7()', { a: 2 }))
  })

  it('suggest the unit and the function that was meant', () => {
    const suggestionOf = (text: string) => {
      const ran = run(text)
      return 'faults' in ran ? ran.faults[0]!.suggestion : null
    }
    assert.equal(suggestionOf('convert(1, "psii", "bar")'), 'psi')
    assert.equal(suggestionOf('math.bitand(1, 2)'), 'math.bitAnd')
    assert.equal(suggestionOf('topic.levl(1)'), 'level')
  })
})
