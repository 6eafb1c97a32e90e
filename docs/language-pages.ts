/** The page of the rules' language: printed from the table of functions. */
import { code, markdownTable } from '../src/document/markdown.ts'
import { standardNames } from '../src/engine/expression/names.ts'
import { maxExpressionDepth, maxExpressionLength } from '../src/engine/expression/parser.ts'
import { maxSteps } from '../src/engine/expression/scope.ts'
import { dyn, printType } from '../src/engine/expression/type.ts'
import { languageSections } from './cel-page.ts'
import { functionTables } from './function-tables.ts'

export const expressionsPage = (printed: string): string =>
  ['# Expressions', printed, expressionsIntroduction, names(), languageSections(), functionTables()].join('\n')

const expressionsIntroduction = `Expressions are [CEL](https://cel.dev), the Common Expression Language: literals, \`. [] ! - * / % + < <= > >= == != in && || ?:\`, fields, lists and maps, functions.
They are checked when the hub starts, against the schema of the topic where the rule names one: an unknown field is a fault of the rule.

- **Numbers.** JSON numbers are doubles; integer literals mix with them freely in arithmetic and comparison. Where both sides are integers by their type (literals, \`size()\`, \`int()\`), division is that of integers
  and a result beyond 64 bits fails. Division by zero fails.
- **Missing values.** Reading a field that is not there fails, and so refuses the message. \`has(payload.x)\` asks; \`payload.?x.orValue(0)\` gives something instead.
- **Text with \`\${…}\`.** Values become text; null, lists and maps cannot, and fail. A string that is one whole \`\${…}\` keeps the value's type. \`$\${\` stands for \`\${\`.
- **Patterns** of \`matches\` are RE2: linear in time, whatever the pattern.
- **Bounds.** An expression has at most ${maxExpressionLength.toLocaleString('en')} characters, nests at most ${maxExpressionDepth} deep, and takes at most ${maxSteps.toLocaleString('en')} steps, and up to twice as many for a large payload; more fails. What a macro evaluates for an element costs a step for each operator, name and literal in it.
`

function names(): string {
  const rows = [...standardNames(dyn)].map(([name, { type }]) => [code(name), printType(type), meanings[name] ?? ''])
  return `## Names\n\nBeside these, a rule's captures (text) and its \`let\` names.\n\n${markdownTable(['Name', 'Type', 'Meaning'], rows)}`
}

const meanings: Readonly<Record<string, string>> = {
  payload: 'The payload as published: JSON where it is JSON, else bytes. Decoded once, when it is first asked for.',
  topic: 'The topic as published.',
  client: 'Client id of the publisher.',
  username: 'User name of the publisher; null for anonymous ones.',
  qos: 'Quality of service it was published with.',
  retain: 'Whether it was published as retained.',
  properties:
    'MQTT 5 properties: `user`, `content_type`, `response_topic`, `correlation_data`, `payload_format`, `expiry_seconds`.',
  time: 'When the hub got it.',
  source: 'Name of the connector it came from; null for what a device published.',
}
