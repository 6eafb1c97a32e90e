/**
 * The printed part of the documentation: every page of `docs/reference`, made from the very objects the program uses
 * (the schemas of settings and connectors, the table of codes), so that it cannot say anything else than the program.
 */

import { readFileSync } from 'node:fs'
import { describeApi } from '../src/api/describe.ts'
import { type CodeRow, codes } from '../src/contract/codes.ts'
import type { Connector } from '../src/contract/connector.ts'
import { code, markdownTable, printTable } from '../src/document/markdown.ts'
import type { SchemaNode } from '../src/document/problem.ts'
import { connectorEntrySchema } from '../src/settings/connector-options.ts'
import { printConfigSchema } from '../src/settings/print.ts'
import { settingsSchema } from '../src/settings/schema.ts'
import { connectorList } from './connector-list.ts'
import { jsonSchemaPage } from './json-schema-page.ts'
import { expressionsPage } from './language-pages.ts'
import { propertiesPage } from './properties-page.ts'
import { rulesPage } from './rules-page.ts'

/** Every printed page by its path below `docs/reference`. */
export async function printPages(): Promise<Map<string, string>> {
  const connectors = await connectorList()
  const types = [...connectors.keys()]
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  const pages = new Map<string, string>([
    ['settings.md', settingsPage(types)],
    ['rules.md', rulesPage(printed, types)],
    ['expressions.md', expressionsPage(printed)],
    ['openapi.json', await describeApi(version)],
    ['errors.md', errorsPage()],
    ['properties.md', propertiesPage(printed)],
    ['json-schema.md', jsonSchemaPage(printed)],
    ['config.schema.json', `${JSON.stringify(printConfigSchema(connectors), null, 2)}\n`],
  ])
  for (const connector of connectors.values()) pages.set(`connectors/${connector.type}.md`, connectorPage(connector))
  return pages
}

const printed = '<!-- Printed by `npm run docs` from the program itself; do not edit. -->\n'

function settingsPage(types: readonly string[]): string {
  const sections = Object.entries(settingsSchema.properties as unknown as Record<string, SchemaNode>)
  const simple = sections.filter(([, node]) => node['properties'] === undefined && node['items'] === undefined)
  const single = { properties: Object.fromEntries(simple.filter(([name]) => name !== 'connectors')) }
  return [
    '# Settings',
    printed,
    settingsIntroduction,
    '## Folders\n',
    printTable(single),
    ...sections.flatMap(([name, node]) => sectionOf(name, node)),
    '## `connectors`\n',
    `${settingsSchema.properties.connectors['description' as never]}\n`,
    `Types: ${types.map((type) => `[${type}](connectors/${type}.md)`).join(', ')}. Names are small letters, digits, \`-\` and \`_\`, a letter first.\n`,
    'Every connector may carry, beside the options of its type:\n',
    printTable({ properties: commonFields() }, { prefix: 'connectors.<name>' }),
  ].join('\n')
}

function sectionOf(name: string, node: SchemaNode): string[] {
  const inner = (node['items'] ?? node) as SchemaNode
  if (inner['properties'] === undefined) return []
  const prefix = node['items'] === undefined ? name : `${name}[]`
  return [`## \`${name}\`\n`, `${node['description']}\n`, printTable(inner, { prefix })]
}

const commonFields = (): Record<string, SchemaNode> => {
  const { retry, buffer } = connectorEntrySchema('', { options: {} })['properties'] as Record<string, SchemaNode>
  return { retry: retry!, buffer: buffer! }
}

const settingsIntroduction = `The hub reads \`config/trestle.yaml\`, or the file that \`-c\` names; without either it runs as the shipped file says.
\`trestle check\` tells every fault with file, line and column; \`trestle config print\` shows what is in effect, secrets masked.

**What wins.** A flag (\`--set api.address=127.0.0.1:9090\`), then the environment, then the file. The variable of a setting is its path in
capitals: \`api.address\` is \`TRESTLE_API_ADDRESS\`, the option \`linger_ms\` of the connector \`lake\` is \`TRESTLE_CONNECTORS_LAKE_LINGER_MS\`. Lists are given as
YAML: \`TRESTLE_LISTENERS='[{ type: tcp, address: "127.0.0.1:1884" }]'\`. Variables that name no setting are left alone.

**Secrets.** \`\${env:NAME}\` and \`\${file:PATH}\` anywhere in a string stand for the variable and for the file's content (without its last line break). What they
stand for is secret: logs, errors, the API and \`config print\` show \`•••\`. So are the fields marked **Secret**, however they are written. A secret shorter than four characters is
masked only where it is a whole value. Write \`$\${env:\` for the characters themselves.

**Paths** are relative to the folder of the file, or absolute. \`\${data}\` at the head of a path is the data folder.

**Sizes and times** are a number in the unit of the setting's name, or a string with a unit: \`64 MB\` is 64,000,000 bytes, \`64 MiB\` is 67,108,864 (B, kB, MB, GB, TB,
KiB, MiB, GiB, TiB); \`500 ms\`, \`10 s\`, \`5 min\`, \`2 h\`, \`7 d\`.

**Addresses.** A listener that is not on loopback needs \`access.anonymous_anywhere\` besides \`access.anonymous\` (E108); an API that is not on loopback needs \`api.token\` (E108).
`

const families: Record<string, string> = {
  E1: 'Configuration',
  E2: 'Rules and expressions',
  E3: 'Schemas',
  E4: 'Messages',
  E5: 'Journal',
  E6: 'Connectors',
  E7: 'API and command line',
  E8: 'Protocol (MQTT)',
  E9: 'The hub itself',
}

function errorsPage(): string {
  const rows = Object.entries(codes) as [string, CodeRow][]
  const sections = Object.entries(families).flatMap(([family, title]) => {
    const own = rows.filter(([name]) => name.startsWith(family))
    return [
      `## ${title}\n`,
      markdownTable(['Code', 'Meaning', 'Retry', 'MQTT 5 reason', 'HTTP', 'Exit'], own.map(errorRow)),
    ]
  })
  return ['# Error codes', printed, errorsIntroduction, ...sections].join('\n')
}

const errorRow = ([name, row]: [string, CodeRow]): string[] => [
  `<a id="${name.toLowerCase()}"></a>${code(name)}`,
  row.title,
  row.retry,
  `0x${row.mqtt.toString(16).padStart(2, '0')}`,
  String(row.http),
  String(row.exit),
]

const errorsIntroduction = `One table for all doors: MQTT 5 acknowledgements carry the reason, the API answers with the status, the command line exits with the number.

**Retry** says what may help: \`never\` (sending again cannot), \`later\` (after a pause), \`reconnect\` (on a new connection).
A publisher of MQTT 3.1 or 3.1.1 cannot be told a reason: it gets no acknowledgement for what may pass, and its acknowledgement for what never will, once the message is in the dead letters.
`

function connectorPage(connector: Connector): string {
  const { type, summary, options, targetOptions, targetField, sourceOptions } = connector
  const parts = [
    `# Connector \`${type}\``,
    printed,
    `It ${summary}. More in its [README](../../../connectors/${type}/README.md); what every connector may carry is in [settings](../settings.md#connectors).\n`,
    '## Options\n',
    `In the configuration, under \`connectors.<name>\` with \`type: ${type}\`.\n`,
    printTable(options),
  ]
  if (connector.createSink !== undefined) {
    const to = targetField === undefined ? '' : ` \`${targetField}\` says where on the far side.`
    parts.push(
      '## In a rule\n',
      `Fields of an entry of \`to:\` beside \`sink\`, \`key\`, \`headers\` and \`encode\`.${to} Strings may hold \`\${…}\`.\n`,
      printTable(targetOptions ?? {}),
    )
  }
  if (sourceOptions !== undefined) parts.push('## Sources\n', `Entries of \`sources:\`.\n`, printTable(sourceOptions))
  return parts.join('\n')
}
