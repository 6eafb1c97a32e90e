/** The functions of expressions by subject, and the units of measurement, printed from the engine's own tables. */
import { code, markdownTable } from '../src/document/markdown.ts'
import type { FunctionRow } from '../src/engine/expression/functions/row.ts'
import { functionGroups } from '../src/engine/expression/functions/table.ts'
import { unitNames } from '../src/engine/expression/functions/unit-table.ts'
import { dyn, printType } from '../src/engine/expression/type.ts'

export const functionTables = (): string =>
  ['## Functions', functionsIntroduction, ...functionGroups.flatMap(group), '### Units of measurement', units()].join(
    '\n\n',
  )

const functionsIntroduction = `Names in \`camelCase\` are those of CEL and of [cel-go's](https://github.com/google/cel-go) extension libraries, with their meaning; most others, and all in \`snake_case\`, are this hub's own. Arguments in
brackets may be left out. Every example is true: a test evaluates it.

- Every function gives a value or fails; none gives something else on the second try. There is no clock but \`time\`, when the hub got the message, and no lot: \`uuid.v7()\` is drawn from the message.
- A literal that cannot be right is a fault when the hub starts: a pattern, a unit, a time zone, a format, a topic filter, a time.
- Where CEL wants a double, whole numbers serve too (\`math.ceil(3)\`), and where it wants an int, JSON's whole numbers do (\`math.bitAnd(payload.status, 4)\`).
- Mathematics that has no finite answer fails (\`math.ln(0)\`), since JSON cannot say it; \`math.sqrt\` gives NaN as CEL does.
- Integers that are read from bytes are ints: an unsigned one of 64 bits beyond 2^63 fails.
- The same text costs more steps in functions that go through it; each is charged what it costs, so that none can be made to block.`

const group = ({ title, rows }: (typeof functionGroups)[number]): string[] => [
  `### ${title}`,
  markdownTable(
    ['Function', 'Gives', 'Meaning', 'Example'],
    rows.map((row) => [code(signature(row)), result(row), row.summary, code(row.example)]),
  ).trimEnd(),
]

const units = (): string =>
  markdownTable(
    ['Quantity', 'Units of `convert`'],
    [...unitNames].map(([quantity, names]) => [quantity, names.map(code).join(' ')]),
  )

/** `text.substring(integer, [integer])`. */
function signature(row: FunctionRow): string {
  const args = row.args.map(({ phrase }, index) => {
    const word = noun(phrase)
    if (row.variadic && index === row.args.length - 1) return `${word}, …`
    return index >= row.args.length - row.optional ? `[${word}]` : word
  })
  const receiver = row.receiver === null ? '' : `${noun(row.receiver.phrase)}.`
  return `${receiver}${row.name}(${args.join(', ')})`
}

/** Signatures want one word where messages have several. */
const nouns: Readonly<Record<string, string>> = {
  'a whole number': 'integer',
  'a string, a list, an object or bytes': 'value',
  'a string, a list or bytes': 'value',
  'a whole number or bytes': 'bits',
  'a timestamp or a duration': 'time',
  'numbers, or one list of numbers': 'number',
  'a range like [0, 100]': 'range',
  'a string or bytes': 'data',
  'a list or bytes': 'list',
}

const noun = (phrase: string): string => nouns[phrase] ?? phrase.replace(/^an? /, '')

const result = (row: FunctionRow): string =>
  printType(typeof row.result === 'function' ? row.result(row.args.map(() => dyn)) : row.result)
