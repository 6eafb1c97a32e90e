/** The page of the rules: printed from the schema of a rule file. */
import { markdownTable, printTable } from '../src/document/markdown.ts'
import { contentTypes } from '../src/engine/encoding/writer.ts'
import { maxItemBytes, maxItems } from '../src/engine/for-each.ts'
import { ruleSchema } from '../src/engine/rule-file.ts'
import { maxJsonLength, maxTableBytes, maxTableRows } from '../src/engine/tables/table.ts'
import { state } from './state-section.ts'

export const rulesPage = (printed: string, types: readonly string[]): string =>
  [
    '# Rules',
    printed,
    introduction,
    '## Fields\n',
    printTable(ruleSchema),
    targets(types),
    payloads(),
    items(),
    state(),
    tables(),
  ].join('\n')

const count = (value: number): string => value.toLocaleString('en')

const introduction = `One rule a file, \`rules/<name>.yaml\`; the file's name is the rule's. All rules that match a topic apply, each to the message as it was published.
Expressions are written in [CEL](expressions.md). \`trestle check\` tells every fault with file, line and column.

A message meets the parts of a rule in this order: \`decode\`, \`schema\`, \`where\`, \`once\`, \`changed\`, \`at_most\`, \`window\`, \`for_each\`, \`set\` or \`payload\`, \`to\`.

A rule that refuses a message (its schema, or an expression that fails) keeps it from everyone: no other rule and no subscriber gets it. \`on_refused\` says what becomes of it: \`dead-letter\`
keeps it, \`drop\` does not, \`pass\` lets the message go on as if this rule were not there. The publisher hears the reason.
`

const targets = (types: readonly string[]): string => `## Targets

An entry of \`to:\` or \`else:\` names a \`sink\` (a connector of the settings) or a topic to \`publish\` to.

| With \`sink\` | Meaning |
| --- | --- |
| \`key\` | The key on the far side; \`\${…}\` is filled in. |
| \`headers\` | A map of headers; values are text with \`\${…}\`. |
| others | The fields of the connector's type: ${types.map((type) => `[${type}](connectors/${type}.md#in-a-rule)`).join(', ')}. |

| With \`publish\` | Meaning |
| --- | --- |
| \`publish\` | The topic; \`\${…}\` is filled in. A rule that might take what it publishes, itself or by way of others, is a fault; so it is with \`when\`, as nobody can tell beforehand what it will say. |
| \`qos\`, \`retain\` | Of the new message. |

| With both | Meaning |
| --- | --- |
| \`when\` | Expression; the target is left out when it is false. |
| \`set\`, \`payload\` | As those of the rule, and instead of them. |
| \`encode\` | How the payload is written, see below. |
| \`schema\` | Subject that the payload must fit, and that Avro and Protobuf are written by. Default for those two: the rule's own. |
| \`frame\` | How a reader learns the schema: \`confluent\`, \`header\` or \`none\`, see below. |
`

const payloads = (): string => `## Payloads

| \`decode\` | What the payload is |
| --- | --- |
| \`json\` | JSON text, whatever the format of the schema: that of an Avro or Protobuf schema judges the data. |
| \`avro\`, \`protobuf\` | By \`schema\`, in its own encoding, or in Confluent's wire format by any version of the same subject. |
| \`sparkplug\` | Sparkplug B, by a \`schema\` of that format. |
| \`confluent\` | In Confluent's wire format, by the schema that it names; with \`schema\`, only of that subject. |
| \`msgpack\`, \`cbor\` | MessagePack, CBOR. Integers up to 64 bits stay exact, bytes are bytes, times are times. |
| \`csv\` | Comma-separated values: a list of objects, or the object of one line. |
| \`raw\` | Bytes. |

A message is decoded once by each of these, however many rules look at it. Without \`set\`, \`payload\`, \`encode\` or \`for_each\` its very bytes go on:
unread, if there is no \`schema\` either and no expression asks for them, so that nothing of them is judged. With none of \`encode\`, \`schema\`
and \`frame\`, structured data is written as JSON, text and bytes as they are; in JSON, bytes are base64 and times RFC 3339.

${markdownTable(
  ['`encode`', 'Content type'],
  [
    ...Object.entries(contentTypes).map(([name, type]) => [`\`${name}\``, `\`${type}\``]),
    ['`raw`', 'Text or bytes as they are.'],
  ],
)}
The content type goes along as the header \`content-type\` of a sink, or as MQTT 5's content type, unless the rule names one; not with plain JSON, and not where a frame stands before the payload.

| \`frame\` | Meaning |
| --- | --- |
| \`confluent\` | A zero byte, the schema's id, for Protobuf the message's indexes, then the payload. Default of Avro and Protobuf to a sink. |
| \`header\` | The same bytes in the header \`__value_schema_id\`, and the payload alone in the value. |
| \`none\` | Nothing. Default of Avro and Protobuf that are published, and of all else. |

Data that cannot be written so (a field that is missing, a value that does not fit) refuses the message, with the field and the schema. Avro and Protobuf leave out what their schema does not have; when
\`set\` or \`payload\` names such a field, or gives it a value of another type, that is a fault of the rule.
`

const items = (): string => `## Items

\`for_each\` cuts a message into items: a list's elements, or an object's values. Each item is served by all targets before the next one; each delivery has an identity of its own, and all keep the
order of the message. At most ${count(maxItems)} items, and ${count(maxItemBytes)} bytes of payloads made of them; more refuses the message. If one item fails, the message is refused as a whole.
`

const tables = (): string => `## Tables

\`tables\` belong to the rule, so that a rule, its tables and its examples are read, tested and moved together. A file holds at most ${count(maxTableRows)} rows in ${count(maxTableBytes)} bytes. It is looked at every
second; new rows take the place of the old ones between two messages. A CSV file parts its cells by commas, semicolons or tabs, as its first line does; JSON is taken up to ${count(maxJsonLength)} characters.
`
