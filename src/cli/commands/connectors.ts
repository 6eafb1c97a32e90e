import { readFile } from 'node:fs/promises'
import { stringify } from 'yaml'
import { codes } from '../../contract/codes.ts'
import type { ProbeStep } from '../../contract/connector.ts'
import { TrestleError } from '../../contract/error.ts'
import type { ConnectorReport } from '../../telemetry/report.ts'
import { printPlural, printSafe } from '../human.ts'
import { paintFor } from '../paint.ts'
import { drawConnector, drawConnectors } from '../status-table.ts'
import { drawTable } from '../table.ts'
import { clientFor, type HubOptions, newVerb, printJson, readSetting, type VerbContext, withHub } from '../verb.ts'

/** `trestle connectors`: what there is, and what may be done to it while the hub runs. */
export function verb(context: VerbContext) {
  return newVerb(
    'connectors',
    'Lists, shows, probes, pauses, resumes, adds or removes connectors while the hub runs.',
    'trestle connectors list\ntrestle connectors probe lake',
  )
    .addCommand(listVerb(context))
    .addCommand(showVerb(context))
    .addCommand(probeVerb(context))
    .addCommand(holdVerb(context, 'pause', 'Stops delivering and reading; what is owed waits in the journal.'))
    .addCommand(holdVerb(context, 'resume', 'Goes on where it was paused.'))
    .addCommand(addVerb(context))
    .addCommand(removeVerb(context))
}

const pathOf = (name: string, action = ''): string =>
  `/api/connectors/${encodeURIComponent(name)}${action === '' ? '' : `/${action}`}`

const itsName = 'its name, as `list` shows it'

function listVerb(context: VerbContext) {
  const command = newVerb('list', 'Lists all connectors, a row for each way in and out.', 'trestle connectors list')
  return withHub(command).action(async (options: HubOptions) => {
    const page = await clientFor(context, options).get<{ items: ConnectorReport[] }>('/api/connectors')
    const { terminal } = context
    const drawn = () => drawConnectors(page.items, Date.now(), paintFor(terminal.colour)).join('\n')
    terminal.out(options.json ? printJson(page) : `${drawn()}\n`)
  })
}

interface Shown {
  origin: 'configuration' | 'run-time'
  settings: Record<string, unknown>
}

function showVerb(context: VerbContext) {
  const command = newVerb(
    'show',
    'Shows one connector: how it stands, and its settings with secrets masked.',
    'trestle connectors show lake',
  )
  return withHub(command.argument('<connector>', itsName)).action(async (name: string, options: HubOptions) => {
    const client = clientFor(context, options)
    const report = await client.get<ConnectorReport>(pathOf(name))
    // What the journal still owes to a connector that is no more has no settings.
    const shown = report.state === 'not-configured' ? null : await client.get<Shown>(pathOf(name, 'settings'))
    const { terminal } = context
    if (options.json) {
      terminal.out(printJson({ ...report, origin: shown?.origin ?? null, settings: shown?.settings ?? null }))
      return
    }
    const lines = drawConnector(report, Date.now(), paintFor(terminal.colour))
    terminal.out(`${lines.join('\n')}\n${shown === null ? '' : drawSettings(shown)}`)
  })
}

function drawSettings({ origin, settings }: Shown): string {
  const from = origin === 'configuration' ? 'of the configuration' : 'added at run time'
  const yaml = stringify(settings, { lineWidth: 0 }).trimEnd().split('\n')
  return `\nsettings (${from})\n${yaml.map((line) => `  ${printSafe(line)}`).join('\n')}\n`
}

function holdVerb(context: VerbContext, action: 'pause' | 'resume', purpose: string) {
  const command = newVerb(action, purpose, `trestle connectors ${action} lake`)
  return withHub(command.argument('<connector>', itsName)).action(async (name: string, options: HubOptions) => {
    tellReport(context, await clientFor(context, options).post<ConnectorReport>(pathOf(name, action)), options)
  })
}

function tellReport({ terminal }: VerbContext, report: ConnectorReport, { json }: HubOptions): void {
  const drawn = () => drawConnector(report, Date.now(), paintFor(terminal.colour)).join('\n')
  terminal.out(json ? printJson(report) : `${drawn()}\n`)
}

function probeVerb(context: VerbContext) {
  const command = newVerb(
    'probe',
    'Tries the real path to the far side, step by step; exits 1 when a step fails.',
    'trestle connectors probe lake',
  )
  return withHub(command.argument('<connector>', itsName)).action(async (name: string, options: HubOptions) => {
    const answer = await clientFor(context, options).post<{ ok: boolean; steps: ProbeStep[] }>(pathOf(name, 'probe'))
    const { terminal, setExit } = context
    terminal.out(options.json ? printJson(answer) : `${drawProbe(answer.steps, terminal.colour).join('\n')}\n`)
    if (!answer.ok) setExit(codes.E601.exit)
  })
}

function drawProbe(steps: readonly ProbeStep[], colour: boolean): string[] {
  const paint = paintFor(colour)
  const columns = [
    { title: 'STEP' },
    { title: 'RESULT' },
    { title: 'TOOK', align: 'right' as const },
    { title: 'DETAIL' },
  ]
  const rows = steps.map(({ step, ok, detail, tookMs }) => [
    printSafe(step),
    { text: ok ? 'ok' : 'failed', paint: ok ? paint.good : paint.bad },
    `${Math.round(tookMs)} ms`,
    printSafe(detail),
  ])
  return drawTable(columns, rows)
}

interface AddOptions extends HubOptions {
  type?: string
  file?: string
  set?: Record<string, string>
}

function addVerb(context: VerbContext) {
  const command = newVerb(
    'add',
    'Adds a connector while the hub runs; it is checked like the configuration and kept over restarts. Rules may name it from the next start.',
    'trestle connectors add lake --type kafka --set brokers=[kafka:9092]\ntrestle connectors add lake --file lake.yaml',
  )
  return withHub(command.argument('<connector>', 'the name it gets'))
    .option('--type <type>', 'its type, when there is no file')
    .option('--file <file>', 'its entry as YAML, as it would stand under its name in the configuration')
    .option('--set <option=value...>', 'one option by its path; wins over the file', readSetting)
    .action(async (name: string, options: AddOptions) => {
      const { file, set, type } = options
      if ((type === undefined) === (file === undefined)) throw new TrestleError('E703', 'give either --type or --file')
      const text = file === undefined ? undefined : await readEntry(file)
      const entry = { name, ...(type === undefined ? {} : { type }), ...(text === undefined ? {} : { text, file }) }
      const body = { ...entry, ...(set === undefined ? {} : { set }) }
      tellReport(context, await clientFor(context, options).post<ConnectorReport>('/api/connectors', body), options)
    })
}

async function readEntry(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new TrestleError('E703', `${file} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

interface RemoveOptions extends HubOptions {
  discard?: boolean
}

function removeVerb(context: VerbContext) {
  const command = newVerb(
    'remove',
    'Removes a connector that was added, or what the journal still owes to one that is no longer configured.',
    'trestle connectors remove lake\ntrestle connectors remove lake --discard',
  )
  return withHub(command.argument('<connector>', itsName))
    .option('--discard', 'drop what it is still owed, without asking')
    .action(async (name: string, options: RemoveOptions) => {
      const client = clientFor(context, options)
      const { waiting } = await client.get<ConnectorReport>(pathOf(name))
      const discard =
        options.discard || ((waiting?.messages ?? 0) > 0 && (await mayDrop(context, name, waiting!.messages)))
      const query = discard ? '?discard=true' : ''
      const answer = await client.delete<{ discarded: number }>(`${pathOf(name)}${query}`)
      const dropped =
        answer.discarded === 0 ? '' : `, ${printPlural(answer.discarded, 'delivery', 'deliveries')} dropped`
      context.terminal.out(options.json ? printJson(answer) : `${printSafe(name)} is removed${dropped}.\n`)
    })
}

/** Asks a person; a script must say `--discard`, and else hears why not from the hub. */
async function mayDrop({ terminal }: VerbContext, name: string, waiting: number): Promise<boolean> {
  if (!terminal.isTty) return false
  const answer = await terminal.ask(
    `${printPlural(waiting, 'delivery', 'deliveries')} to ${printSafe(name)} would be dropped. Go on? [y/N] `,
  )
  if (/^y(es)?$/i.test(answer.trim())) return true
  throw new TrestleError('E708', `${name} stays as it is`)
}
