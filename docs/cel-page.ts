/** What the page of expressions says of the language itself: types, macros, optional values, conformance. */

import { code, markdownTable } from '../src/document/markdown.ts'
import { maxMadeBytes } from '../src/engine/expression/scope.ts'
import { gaps } from '../test/conformance/cel/gaps.ts'
import { leftOut, suites } from '../test/conformance/cel/suites.ts'

export const languageSections = (): string => [types, macros(), optionals(), decisions(), conformance()].join('\n')

const types = `## Types

${markdownTable(
  ['Type', 'Written', 'Comes from'],
  [
    [
      '`int`',
      '`42`, `-7`, `0x1F`',
      'literals, `size()`, `int()`, and integers of Avro, Protobuf and Sparkplug; 64 bits',
    ],
    ['`uint`', '`42u`', 'literals, `uint()`; 64 bits'],
    ['`double`', '`1.5`, `2e3`', 'literals, `double()`, and every number of JSON'],
    ['`bool`, `string`, `null_type`', '`true`, `"text"`, `\'text\'`, `r"raw\\d"`, `"""lines"""`, `null`', ''],
    ['`bytes`', '`b"\\x00\\xff"`', 'literals, `bytes()`, payloads that are no JSON'],
    ['`list`', '`[1, 2]`, `[1, ?payload.?x]`', 'an item after `?` is left out when it is absent'],
    [
      '`map`',
      '`{"a": 1}`, `{1: "one", true: "yes"}`, `{?"a": payload.?x}`',
      'keys are strings, whole numbers or bools',
    ],
    [
      '`google.protobuf.Timestamp`',
      '`timestamp("2026-01-02T03:04:05Z")`',
      '`time`; exact to the nanosecond, years 1 to 9999',
    ],
    ['`google.protobuf.Duration`', '`duration("1h30m")`', 'one timestamp minus another; exact to the nanosecond'],
    ['`type`', '`int`, `string`, …', '`type(x)`, as in `type(payload.x) == string`'],
  ],
)}
Timestamps and durations add, subtract and compare. Numbers compare whatever their types, and exactly. A name in backquotes reads a field no identifier
can name: \`\` payload.\`content-type\` \`\`. \`//\` begins a comment.
`

/** Macros and forms of optional values: how they are written, what they give, and an expression that is true. */
export const languageForms: Readonly<Record<'macros' | 'optionals', readonly (readonly [string, string, string])[]>> = {
  macros: [
    [
      '`list.all(x, condition)`, `list.all(i, x, condition)`',
      'whether it holds for all; one `false` decides, whatever fails elsewhere',
      '[1, 2].all(x, x > 0)',
    ],
    [
      '`list.exists(x, condition)`, `list.exists(i, x, condition)`',
      'whether it holds for one; one `true` decides, whatever fails elsewhere',
      '[0, 2].exists(x, 4 / x == 2)',
    ],
    [
      '`list.existsOne(x, condition)`, `exists_one`, `list.existsOne(i, x, condition)`',
      'whether it holds for exactly one',
      '[1, 2, 3].existsOne(x, x > 2)',
    ],
    [
      '`list.filter(x, condition)`',
      'a list of the elements (of a map: keys) it holds for',
      '[1, 2, 3].filter(x, x != 2) == [1, 3]',
    ],
    [
      '`list.map(x, value)`, `list.map(x, condition, value)`',
      'a list of the values',
      '[1, 2, 3].map(x, x > 1, x * 10) == [20, 30]',
    ],
    [
      '`list.transformList(i, x, value)`, `list.transformList(i, x, condition, value)`',
      'the same, with two names',
      '["a", "b"].transformList(i, x, x + string(i)) == ["a0", "b1"]',
    ],
    [
      '`map.transformMap(k, v, value)`, `map.transformMap(k, v, condition, value)`',
      'a map with the same keys',
      '{"a": 1, "b": 2}.transformMap(k, v, v * 2) == {"a": 2, "b": 4}',
    ],
    [
      '`map.transformMapEntry(k, v, {key: value})`, with a condition too',
      'a map of the entries; a key that comes twice fails',
      '[{"id": "a", "v": 1}].transformMapEntry(i, r, {r.id: r.v}) == {"a": 1}',
    ],
    [
      '`list.sortBy(x, key)`',
      'the list in the order of the keys',
      '[{"v": 2}, {"v": 1}].sortBy(r, r.v).map(r, r.v) == [1, 2]',
    ],
    [
      '`cel.bind(name, value, expression)`',
      'the expression, in which the name stands for the value; evaluated once',
      'cel.bind(x, 3, x * x) == 9',
    ],
    ['`has(payload.x)`', 'whether the field is there', '!has({"a": 1}.b)'],
  ],
  optionals: [
    ['`o.orValue(x)`', 'what is there, else `x`', '{"a": 1}.?b.orValue(0) == 0'],
    ['`o.or(p)`', 'the first of the two that is there', '{"a": 1}.?b.or({"a": 1}.?a).orValue(0) == 1'],
    ['`o.hasValue()`', 'whether it is there', '[7][?0].hasValue()'],
    ['`o.value()`', 'what is there; fails when nothing is', '[7][?0].value() == 7'],
    ['`o.field`, `o[i]`', 'optional again', '{"a": {"b": [5]}}.?a.b[0].orValue(0) == 5'],
    ['`o.optMap(x, value)`', 'the value made of what is there', '{"a": 2}.?a.optMap(x, x * 2).orValue(0) == 4'],
    [
      '`o.optFlatMap(x, p)`',
      'the same, where the value is optional itself',
      '{"a": {"b": 1}}.?a.optFlatMap(x, x.?c).orValue(0) == 0',
    ],
    ['`optional.of(x)`, `optional.none()`', 'one that is there, one that is not', 'optional.of(1) != optional.none()'],
    [
      '`optional.ofNonZeroValue(x)`',
      'absent when `x` is `null`, `false`, 0 or empty',
      '!optional.ofNonZeroValue("").hasValue()',
    ],
  ],
}

const forms = (of: keyof typeof languageForms, name: string): string =>
  markdownTable(
    [name, 'Gives', 'For example, true'],
    languageForms[of].map(([form, gives, example]) => [form, gives, code(example)]),
  )

const macros = (): string => `## Macros

They evaluate an expression for each element, under a name you choose. On an object, or a map, one name stands for the key; with two names they stand for key (of a list: index) and value.

${forms('macros', 'Macro')}`

const optionals = (): string => `## Values that may be absent

\`payload.?x\`, \`payload.list[?0]\` and \`payload[?"x"]\` are optional: they must be opened before they are used.

${forms('optionals', 'Form')}`

const decisions = (): string => `## Decided otherwise than in CEL

- JSON's numbers are doubles, and integer literals calculate with them: \`payload.n + 1\`. An integer beside a double in a list, or in \`c ? 1 : 2.5\`, is a double.
- An integer and an unsigned one calculate only after \`int()\` or \`uint()\`.
- Division by zero fails, for doubles too; \`%\` is defined for doubles.
- Integers and doubles are compared exactly, without rounding either.
- Every expression is checked at load. What surely fails is a fault of the rule, even where it would never be reached.
- What leaves an expression is plain data: maps with keys that are no strings get keys of text, as protobuf's JSON writes them.
- One rule may make ${(maxMadeBytes / 1024 / 1024).toLocaleString('en')} MiB of text, bytes and lists of one message, beside twice the size of its payload.
`

const conformance = (): string => `## Conformance

Held in every test run against the conformance tests of CEL ([google/cel-spec](https://github.com/google/cel-spec), \`tests/simple\`). Run: ${suites.map((suite) => `\`${suite}\``).join(', ')};
of these, tests that make or read protobuf messages are passed over, and these fail:

${markdownTable(
  ['Why', 'Tests'],
  Object.entries(gaps).map(([why, ids]) => [why, `${ids.length}: ${summary(ids)}`]),
)}
Not run:

${markdownTable(
  ['File', 'Why'],
  Object.entries(leftOut).map(([file, why]) => [`\`${file}\``, why]),
)}`

/** The sections the tests stand in, each once. */
const summary = (ids: readonly string[]): string =>
  [...new Set(ids.map((id) => `\`${id.slice(0, id.lastIndexOf('/'))}\``))].join(', ')
