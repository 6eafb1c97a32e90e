import { codes } from '../../contract/codes.ts'
import { type CompatibilityLevel, findBreak } from '../../registry/compatibility/levels.ts'
import { printCount, printPlural, printSafe } from '../human.ts'
import { paintFor } from '../paint.ts'
import {
  bodyOf,
  fetchVersion,
  pathOf,
  readReference,
  readSchemaFile,
  type SchemaVersion,
  sideOf,
  textOf,
} from '../schema-client.ts'
import { drawPairs, drawTable } from '../table.ts'
import { clientFor, type HubOptions, newVerb, printJson, type VerbContext, withHub } from '../verb.ts'
import { inferVerb } from './schemas-infer.ts'

/** `trestle schemas`: the registry of a running hub, and drafts for it. */
export function verb(context: VerbContext) {
  return newVerb(
    'schemas',
    'Lists, shows, adds, checks, compares or drafts schemas.',
    'trestle schemas list\ntrestle schemas check reading reading.avsc\ntrestle schemas infer --topic "plants/#"',
  )
    .addCommand(listVerb(context))
    .addCommand(showVerb(context))
    .addCommand(addVerb(context))
    .addCommand(checkVerb(context))
    .addCommand(diffVerb(context))
    .addCommand(inferVerb(context))
}

const whichOne = 'subject, or subject@version'

function listVerb(context: VerbContext) {
  const command = newVerb('list', 'Lists all subjects with their newest version.', 'trestle schemas list')
  return withHub(command).action(async (options: HubOptions) => {
    const client = clientFor(context, options)
    const all = await client.get<SchemaVersion[]>('/schemas')
    const { compatibilityLevel } = await client.get<{ compatibilityLevel: string }>('/config')
    const { terminal } = context
    if (options.json) terminal.out(printJson({ compatibility: compatibilityLevel, items: all }))
    else terminal.out(`${drawList(all, compatibilityLevel).join('\n')}\n`)
  })
}

function drawList(all: readonly SchemaVersion[], level: string): string[] {
  const bySubject = Map.groupBy(all, ({ subject }) => subject)
  if (bySubject.size === 0) return ['No schemas.']
  const right = 'right' as const
  const columns = [
    { title: 'SUBJECT' },
    { title: 'TYPE' },
    { title: 'VERSIONS', align: right },
    { title: 'NEWEST', align: right },
    { title: 'ID', align: right },
  ]
  const rows = [...bySubject].map(([subject, versions]) => {
    const newest = versions.at(-1)!
    const { version, id, schemaType = 'AVRO' } = newest
    return [printSafe(subject), schemaType, printCount(versions.length), String(version), String(id)]
  })
  return [
    ...drawTable(columns, rows),
    '',
    `${printPlural(bySubject.size, 'subject')}; new versions are held to ${level.toLowerCase()} unless a subject says otherwise`,
  ]
}

function showVerb(context: VerbContext) {
  const command = newVerb(
    'show',
    'Shows one schema; of several versions the newest, unless one is named.',
    'trestle schemas show reading\ntrestle schemas show reading@2 --text > 2.avsc',
  )
  return withHub(command.argument('<schema>', whichOne))
    .option('--text', 'print the schema alone')
    .action(async (name: string, options: HubOptions & { text?: boolean }) => {
      const shown = await fetchVersion(clientFor(context, options), name)
      const { terminal } = context
      if (options.json) terminal.out(printJson(shown))
      else if (options.text) terminal.out(shown.schema.endsWith('\n') ? shown.schema : `${shown.schema}\n`)
      else terminal.out(`${drawShown(shown, terminal.colour).join('\n')}\n`)
    })
}

function drawShown(
  { subject, version, id, guid, schemaType = 'AVRO', references = [], schema }: SchemaVersion,
  colour: boolean,
) {
  const paint = paintFor(colour)
  const pairs: [string, string][] = [
    ['type', schemaType],
    ['id', String(id)],
    ['guid', guid],
    ...references.map((one): [string, string] => [
      'refers to',
      `${printSafe(one.subject)}@${one.version} as ${printSafe(one.name)}`,
    ]),
  ]
  return [
    paint.strong(`${printSafe(subject)}@${version}`),
    ...drawPairs(pairs, '  '),
    '',
    ...pretty(schema).split('\n').map(printSafe),
  ]
}

/** JSON on several lines; what is no JSON as it is. */
function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text.trimEnd() // a Protobuf schema is no JSON
  }
}

interface FileOptions extends HubOptions {
  reference?: string[]
  normalize?: boolean
}

const withFile = (command: ReturnType<typeof newVerb>) =>
  withHub(
    command
      .argument('<subject>', 'the subject it is or would be a version of')
      .argument('<file>', 'the schema: .json, .avsc or .proto'),
  )
    .option('--reference <name=subject@version...>', 'a schema that it imports or refers to, and what it calls it')
    .option('--normalize', 'in a normal form, so that order and layout make no difference')

function addVerb(context: VerbContext) {
  const command = newVerb(
    'add',
    'Registers a schema as the next version of a subject; what is registered already is found.',
    'trestle schemas add reading reading.avsc\ntrestle schemas add reading reading.proto --reference common.proto=common@1',
  )
  return withFile(command).action(async (subject: string, file: string, options: FileOptions) => {
    const client = clientFor(context, options)
    const query = options.normalize ? '?normalize=true' : ''
    const body = bodyOf(await readSchemaFile(file), (options.reference ?? []).map(readReference))
    const answer = await client.post<{ id: number; version: number }>(`${pathOf(subject)}/versions${query}`, body)
    const { terminal } = context
    if (options.json) terminal.out(printJson({ subject, ...answer }))
    else terminal.out(`${printSafe(subject)}@${answer.version} is registered, id ${answer.id}.\n`)
  })
}

function checkVerb(context: VerbContext) {
  const command = newVerb(
    'check',
    'Tells whether a schema could be registered: its level, and the rules of the hub. Nothing is changed; exits 1 when not.',
    'trestle schemas check reading reading.avsc',
  )
  return withFile(command).action(async (subject: string, file: string, options: FileOptions) => {
    const client = clientFor(context, options)
    const query = options.normalize ? '&normalize=true' : ''
    const body = bodyOf(await readSchemaFile(file), (options.reference ?? []).map(readReference))
    const path = `/compatibility${pathOf(subject)}/versions?verbose=true${query}`
    const answer = await client.post<{ is_compatible: boolean; messages: string[] }>(path, body)
    const { terminal, setExit } = context
    if (options.json) terminal.out(printJson(answer))
    else if (answer.is_compatible) terminal.out(`${printSafe(file)} may follow in ${printSafe(subject)}.\n`)
    else {
      const reasons = answer.messages.filter((message) => !message.startsWith('{oldSchema: '))
      terminal.out(
        `${printSafe(file)} may not follow in ${printSafe(subject)}:\n${reasons.map((one) => `  ${printSafe(one)}\n`).join('')}`,
      )
    }
    if (!answer.is_compatible) setExit(codes.E305.exit)
  })
}

const pairwise = ['BACKWARD', 'FORWARD', 'FULL'] as const satisfies readonly CompatibilityLevel[]

function diffVerb(context: VerbContext) {
  const command = newVerb(
    'diff',
    'Compares two schemas: what the newer breaks, level by level.',
    'trestle schemas diff reading@1 reading@2\ntrestle schemas diff reading reading.avsc',
  )
  return withHub(command.argument('<old>', whichOne).argument('<new>', `${whichOne}, or a file`)).action(
    async (old: string, next: string, options: HubOptions) => {
      const client = clientFor(context, options)
      const before = await fetchVersion(client, old)
      const after = await sideOf(client, next)
      const earlier = [await textOf(client, before)]
      const verdicts = pairwise.map((level) => {
        const found = findBreak(after.format, level, after, earlier)
        return { level, compatible: found === null, incompatibilities: found?.incompatibilities ?? [] }
      })
      const { terminal } = context
      if (options.json) terminal.out(printJson({ old: `${before.subject}@${before.version}`, new: next, verdicts }))
      else terminal.out(`${drawVerdicts(verdicts, terminal.colour).join('\n')}\n`)
    },
  )
}

interface Verdict {
  readonly level: string
  readonly compatible: boolean
  readonly incompatibilities: readonly { readonly path: string; readonly rule: string; readonly description: string }[]
}

function drawVerdicts(verdicts: readonly Verdict[], colour: boolean): string[] {
  const paint = paintFor(colour)
  return verdicts.flatMap(({ level, compatible, incompatibilities }) => [
    `${level.toLowerCase().padEnd(9)} ${compatible ? paint.good('yes') : paint.bad('no')}`,
    ...(level === 'FULL' ? [] : incompatibilities).map(
      ({ path, rule, description }) => `          ${printSafe(path)}  ${rule}  ${printSafe(description)}`,
    ),
  ])
}
