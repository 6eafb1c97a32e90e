import { codes } from '../../contract/codes.ts'
import type { ProbeStep } from '../../contract/connector.ts'
import type { ConnectorReport } from '../../telemetry/report.ts'
import { printSafe } from '../human.ts'
import { paintFor } from '../paint.ts'
import { drawConnector } from '../status-table.ts'
import { drawTable } from '../table.ts'
import { clientFor, type HubOptions, newVerb, printJson, type VerbContext, withHub } from '../verb.ts'

/** `trestle connectors`: probe, pause and resume one while the hub runs. */
export function verb(context: VerbContext) {
  return newVerb('connectors', 'Probes, pauses or resumes a connector.', 'trestle connectors probe lake')
    .addCommand(holdVerb(context, 'pause', 'Stops delivering and reading; what is owed waits in the journal.'))
    .addCommand(holdVerb(context, 'resume', 'Goes on where it was paused.'))
    .addCommand(probeVerb(context))
}

const pathOf = (name: string, action: string) => `/api/connectors/${encodeURIComponent(name)}/${action}`

function holdVerb(context: VerbContext, action: 'pause' | 'resume', purpose: string) {
  const command = newVerb(action, purpose, `trestle connectors ${action} lake`)
  return withHub(command.argument('<connector>', 'its name in the configuration')).action(
    async (name: string, options: HubOptions) => {
      const connector = await clientFor(context, options).post<ConnectorReport>(pathOf(name, action))
      const { terminal } = context
      const drawn = () => drawConnector(connector, Date.now(), paintFor(terminal.colour)).join('\n')
      terminal.out(options.json ? printJson(connector) : `${drawn()}\n`)
    },
  )
}

function probeVerb(context: VerbContext) {
  const command = newVerb(
    'probe',
    'Tries the real path to the far side, step by step; exits 1 when a step fails.',
    'trestle connectors probe lake',
  )
  return withHub(command.argument('<connector>', 'its name in the configuration')).action(
    async (name: string, options: HubOptions) => {
      const answer = await clientFor(context, options).post<{ ok: boolean; steps: ProbeStep[] }>(pathOf(name, 'probe'))
      const { terminal, setExit } = context
      terminal.out(options.json ? printJson(answer) : `${drawProbe(answer.steps, terminal.colour).join('\n')}\n`)
      if (!answer.ok) setExit(codes.E601.exit)
    },
  )
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
